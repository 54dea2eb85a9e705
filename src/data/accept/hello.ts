import type { Protocol } from "../../model/listener.ts";
import type { SessionSocket } from "../relay/relay.ts";
import { type ClientHello, ClientHelloReader, largestPrelude } from "./client-hello.ts";
import { detectProtocol } from "./protocol.ts";

/** How long a client may say nothing before a listener that detects protocols takes it for one that waits, in milliseconds. */
export const detectTimeout = 1000;

/** What reading the first bytes needs of a session. */
export interface HelloSession {
  readonly raw: SessionSocket;
  readonly detects: boolean;
  hello: HelloBytes | undefined;
  greeted(protocol: Protocol, hello: ClientHello | undefined): void;
  handshakeFailed(result: "not_tls", detail: string): void;
}

/** The bytes that a client has sent before it is known what it speaks. */
export class HelloBytes {
  readonly reader: ClientHelloReader = new ClientHelloReader();
  #buffer = Buffer.allocUnsafe(2048);
  #length = 0;

  append(chunk: Buffer): void {
    if (this.#length + chunk.length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#length + chunk.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#length);
    this.#length += chunk.length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** Reads a client's first bytes until they tell what it speaks, then puts them back and calls `greeted`. */
export function readHello(session: HelloSession): void {
  session.hello = new HelloBytes();
  session.raw.on("data", onHelloData);
  // A connection that the main thread accepted comes paused.
  session.raw.resume();
}

/** Stops reading: what came so far decides, as if no more would come. */
export function settleHello(session: HelloSession): void {
  finish(session, "other", undefined);
}

function onHelloData(this: SessionSocket, chunk: Buffer): void {
  const session = this.session as unknown as HelloSession;
  const { hello } = session;
  if (hello === undefined) return;
  hello.append(chunk);
  const protocol = session.detects ? detectProtocol(hello.bytes) : "tls";
  if (protocol === "tls") readTls(session, hello);
  else if (protocol !== undefined) finish(session, protocol, undefined);
}

function readTls(session: HelloSession, { reader, bytes }: HelloBytes): void {
  const reading = reader.read(bytes);
  if (reading.kind === "hello") finish(session, "tls", reading.hello);
  else if (reading.kind === "malformed") session.handshakeFailed("not_tls", reading.detail);
  else if (bytes.length > largestPrelude) session.handshakeFailed("not_tls", "a hello without an end");
}

function finish(session: HelloSession, protocol: Protocol, hello: ClientHello | undefined): void {
  const { raw } = session;
  raw.removeListener("data", onHelloData);
  raw.pause();
  const bytes = session.hello?.bytes;
  session.hello = undefined;
  if (bytes !== undefined && bytes.length > 0) raw.unshift(bytes);
  session.greeted(protocol, hello);
}
