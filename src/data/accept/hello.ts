import type { Protocol } from "../../model/chain.ts";
import { type ClientHello, ClientHelloReader, type HelloReading, largestPrelude } from "./client-hello.ts";
import type { FirstReader } from "./first-bytes.ts";
import { fatalAlert, type HelloAlert, speakTls } from "./last-words.ts";
import { describePlain } from "./plain-protocols.ts";
import { detectProtocol } from "./protocol.ts";

/** How long a client may say nothing before a listener that detects protocols takes it for one that waits, in milliseconds. */
export const detectTimeout = 1000;

/** Is told what a client speaks. */
export interface HelloListener {
  /** @param hello where it speaks TLS. */
  greeted(protocol: Protocol, hello: ClientHello | undefined): void;
  handshakeFailed(result: "not_tls" | "failed", detail: string, lastWords?: Buffer): void;
  /** It speaks a known protocol, without TLS. @param description of it, with what to do. */
  spokePlain(description: string): void;
}

/** Where the alert is another one, not even the records are in order. */
const breaksHello: ReadonlySet<HelloAlert> = new Set(["illegal_parameter", "decode_error"]);

type Malformed = Extract<HelloReading, { readonly kind: "malformed" }>;

/** Finds out what a client speaks, and leaves all its bytes to whoever speaks it. */
export class HelloReader implements FirstReader {
  readonly #connection: HelloListener;
  readonly #presumed: "tls" | undefined;
  readonly #hello: ClientHelloReader = new ClientHelloReader();
  #protocol: Protocol = "other";
  #found: ClientHello | undefined;

  /** @param presumed `tls`: it may be nothing else. */
  constructor(connection: HelloListener, presumed: "tls" | undefined) {
    this.#connection = connection;
    this.#presumed = presumed;
  }

  read(bytes: Buffer): number | undefined {
    const protocol = this.#presumed ?? detectProtocol(bytes);
    if (protocol === undefined) return undefined;
    this.#protocol = protocol;
    return protocol === "tls" ? this.#readTls(bytes) : 0;
  }

  done(): void {
    this.#connection.greeted(this.#protocol, this.#found);
  }

  #readTls(bytes: Buffer): number | undefined {
    const reading = this.#hello.read(bytes);
    if (reading.kind === "hello") {
      this.#found = reading.hello;
      return 0;
    }
    if (reading.kind === "malformed") this.#refuse(bytes, reading);
    else if (bytes.length > largestPrelude)
      this.#connection.handshakeFailed("not_tls", "a hello without an end", fatalAlert("illegal_parameter"));
    return undefined;
  }

  #refuse(bytes: Buffer, { detail, alert }: Malformed): void {
    if (alert === undefined) refusePlain(this.#connection, bytes, detail);
    else
      this.#connection.handshakeFailed(
        breaksHello.has(alert) ? "failed" : "not_tls",
        detail,
        fatalAlert(alert),
      );
  }
}

/** The first byte of a hello as SSL 2 had it, in which old clients offer TLS too; OpenSSL still reads it. */
const isOldHello = (first: number): boolean => first >= 0x80;

/** As many as OpenSSL waits for: the header of a record. */
const fewest = 5;

/**
 * Waits for the first bytes, and leaves them to OpenSSL where they may be TLS. A client that says nothing, or speaks
 * something else, gets nothing that is dear.
 */
export class BeginReader implements FirstReader {
  readonly #connection: HelloListener;

  constructor(connection: HelloListener) {
    this.#connection = connection;
  }

  read(bytes: Buffer): number | undefined {
    const [first] = bytes;
    if (first === undefined) return undefined;
    if (first === handshakeRecord || isOldHello(first)) return 0;
    refusePlain(this.#connection, bytes, "no TLS handshake");
    return undefined;
  }

  done(): void {
    this.#connection.greeted("tls", undefined);
  }
}

/** The content type of a handshake (RFC 8446 section 5.1). */
const handshakeRecord = 22;

/** Refuses a client that does not speak TLS, as soon as it is known what it speaks. @param detail if that is not known. */
function refusePlain(connection: HelloListener, bytes: Buffer, detail: string): void {
  const protocol = detectProtocol(bytes);
  const named = describePlain(bytes);
  if (protocol === "http1") connection.handshakeFailed("not_tls", "http request", speakTls);
  else if (named !== undefined) connection.spokePlain(named);
  else if (protocol !== undefined && bytes.length >= fewest) connection.handshakeFailed("not_tls", detail);
}
