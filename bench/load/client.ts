import { connect, type TLSSocket } from "node:tls";
import type { Asking } from "./asking.ts";
import type { Aim, Load } from "./load.ts";

/** The things that all clients of a run share. */
export interface Sharing extends Aim {
  /** The newest session ticket of any client. */
  ticket: Buffer | undefined;
  /** Connections whose handshake was not of the kind that was asked for. */
  wrongHandshakes: number;
}

/** Asks over TLS with HTTP/1.1, one request at a time, and checks every answer's status and length. */
export class Client implements Asking {
  readonly #sharing: Sharing;
  readonly #request: Buffer;
  #socket: TLSSocket | undefined;
  #done: ((error: string | undefined) => void) | undefined;
  #head = "";
  /** Body bytes still to come; undefined while the head is read. */
  #missing: number | undefined;

  constructor(sharing: Sharing) {
    this.#sharing = sharing;
    this.#request = requestFor(sharing.load);
  }

  get busy(): boolean {
    return this.#done !== undefined;
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  ask(done: (error: string | undefined) => void): void {
    this.#done = done;
    this.#head = "";
    this.#missing = undefined;
    if (this.#socket === undefined) this.#connect();
    this.#socket?.write(this.#request);
  }

  #connect(): void {
    const { load, port, cipher, ticket } = this.#sharing;
    const resumes = load.connection === "resumed";
    const socket = connect({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false, // The certificate is self-signed, and it is the proxy that is measured.
      ciphers: cipher,
      ecdhCurve: "X25519", // All peers alike, whatever a newer OpenSSL would prefer.
      ...(resumes && ticket !== undefined ? { session: ticket } : {}),
    });
    socket.setNoDelay(true);
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error: Error) => this.#finish(error.message));
    socket.on("close", () => this.#closed(socket));
    socket.on("secureConnect", () => {
      if (socket.isSessionReused() !== resumes) this.#sharing.wrongHandshakes++;
    });
    if (resumes) socket.on("session", (session: Buffer) => (this.#sharing.ticket = session));
  }

  #closed(socket: TLSSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#finish("closed before the answer was complete");
  }

  #read(chunk: Buffer): void {
    if (this.#missing === undefined) this.#readHead(chunk);
    else this.#missing -= chunk.length;
    if (this.#missing === 0) this.#finish(undefined);
    else if (this.#missing !== undefined && this.#missing < 0) this.#finish("more bytes than the answer has");
  }

  #readHead(chunk: Buffer): void {
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const expected = this.#sharing.load.responseBytes;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#head)?.[1]);
    if (!this.#head.startsWith("HTTP/1.1 200 ")) this.#finish(`answered ${this.#head.slice(0, 30)}`);
    else if (length !== expected) this.#finish(`a body of ${length} bytes, not ${expected}`);
    else this.#missing = expected - (this.#head.length - end - 4);
  }

  #finish(error: string | undefined): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    if (error !== undefined || this.#sharing.load.connection !== "kept") {
      this.#socket?.end();
      this.#socket = undefined;
    }
    done(error);
  }
}

function requestFor(load: Load): Buffer {
  const connection = load.connection === "kept" ? "keep-alive" : "close";
  const method = load.uploadBytes > 0 ? "POST" : "GET";
  const length = load.uploadBytes > 0 ? `Content-Length: ${load.uploadBytes}\r\n` : "";
  const head = `${method} ${load.path} HTTP/1.1\r\nHost: localhost\r\nConnection: ${connection}\r\n${length}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(load.uploadBytes, "u")]);
}
