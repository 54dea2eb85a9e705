import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { SocketOwner } from "../../src/data/sockets/owner.ts";

/**
 * A socket without a connection, as far as the data plane looks at one. The acts of its peer and its reports are the
 * test's: nothing happens by itself.
 */
export class FakeSocket extends EventEmitter {
  remoteAddress: string | undefined = "192.0.2.1";
  remotePort = 50_000;
  readonly localAddress = "127.0.0.1";
  readonly localPort = 443;
  connecting = false;
  destroyed = false;
  closed = false;
  /** It overwrites what it has handed on. */
  lends = false;
  wasReset = false;
  readableEnded = false;
  bytesRead = 0;
  writableEnded = false;
  writableFinished = false;
  writableLength = 0;
  writableCorked = 0;
  /** The TLS socket on top of this one, and the one underneath: one goes down with the other. */
  over: FakeSocket | undefined = undefined;
  #under: FakeSocket | undefined = undefined;
  readonly written: Buffer[] = [];
  #hasRoom = true;
  #paused = false;
  #ends = false;
  #stuck = false;
  #failure: Parameters<FakeSocket["failWrites"]> | undefined = undefined;
  /** Callbacks that are told when the peer takes the waiting bytes. */
  readonly #waiting: (() => void)[] = [];
  readonly #incoming: Buffer[] = [];

  // As a TLSSocket has them.
  servername: string | false = false;
  alpnProtocol: string | false = false;
  getProtocol(): string {
    return "TLSv1.3";
  }

  /** A TLS socket on top of this one. */
  secure(): FakeSocket {
    this.over = Object.assign(new FakeSocket(), { encrypted: true, lends: true });
    this.over.#under = this;
    return this.over;
  }

  get socket(): Socket {
    return this as unknown as Socket;
  }

  write(bytes: Buffer | string, encodingOrDone?: BufferEncoding | (() => void)): boolean {
    const isText = typeof bytes === "string";
    const chunk = isText ? Buffer.from(bytes, encodingOrDone as BufferEncoding) : bytes;
    if (this.#failure !== undefined) this.failWrites(...this.#failure);
    this.#failure = undefined;
    if (chunk.length > 0) this.written.push(Buffer.from(chunk));
    if (!this.#hasRoom) this.writableLength += chunk.length;
    this.#whenTaken(isText ? undefined : (encodingOrDone as (() => void) | undefined));
    return this.#hasRoom;
  }

  end(last?: Buffer | (() => void)): void {
    const done = typeof last === "function" ? last : undefined;
    if (last instanceof Buffer) this.write(last);
    this.writableEnded = true;
    this.#whenTaken(() => {
      this.writableFinished = true;
      done?.();
    });
  }

  #whenTaken(done: (() => void) | undefined): void {
    if (done === undefined || this.#stuck) return;
    if (this.#hasRoom) done();
    else this.#waiting.push(done);
  }

  #take(): void {
    this.writableLength = 0;
    for (const done of this.#waiting.splice(0)) done();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  isPaused(): boolean {
    return this.#paused;
  }

  unshift(chunk: Buffer): void {
    this.#incoming.unshift(Buffer.from(chunk));
  }

  cork(): void {
    this.writableCorked++;
  }

  uncork(): void {
    this.writableCorked--;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.over?.destroy();
    this.#under?.destroy();
  }

  resetAndDestroy(): void {
    this.wasReset = true;
    this.destroy();
  }

  /** The peer sends bytes; they are read when somebody reads. */
  receive(chunk: Buffer): void {
    if (!this.#ends) this.#incoming.push(chunk);
    this.flow();
  }

  /** The peer has sent its last byte. */
  receiveEnd(): void {
    this.#ends = true;
    this.flow();
  }

  /** The peer was reset, and a write of TLS's own has met that: Node says "end", and writes nothing any more. */
  hideReset(): void {
    this.#stuck = true;
    this.vanishPeer();
    this.receiveEnd();
  }

  /** The system knows the peer no more. */
  vanishPeer(): void {
    this.remoteAddress = undefined;
  }

  /** Hands on what waits to be read, as far as somebody reads. */
  flow(): void {
    while (this.#incoming.length > 0 && !this.destroyed && !this.#paused && this.listenerCount("data") > 0) {
      const chunk = Buffer.from(this.#incoming.shift()!);
      this.emit("data", chunk);
      if (this.lends) chunk.fill(0);
    }
    if (this.#ends && this.#incoming.length === 0 && !this.readableEnded && !this.destroyed) {
      this.readableEnded = true;
      this.emit("end");
    }
    if (this.readableEnded && this.writableFinished) this.destroy();
  }

  /** Gives the bytes that `dial` would have read: `buffer` is overwritten after the call. */
  receiveStatic(length: number): void {
    if (this.destroyed || this.readableEnded) return;
    const buffer = Buffer.alloc(64, 1);
    const { owner } = this as unknown as { owner: { upstreamBytes(length: number, from: Buffer): boolean } };
    owner.upstreamBytes(length, buffer);
    buffer.fill(0);
  }

  connect(event: "connect" | "secureConnect"): void {
    if (this.destroyed || !this.connecting) return;
    this.connecting = false;
    this.emit(event);
  }

  /** The peer takes no more. */
  fill(): void {
    this.#hasRoom = false;
  }

  drain(): void {
    this.#hasRoom = true;
    this.#take();
    if (!this.destroyed) this.emit("drain");
  }

  get bytesWritten(): number {
    return this.written.reduce((sum, { length }) => sum + length, 0);
  }

  get readableLength(): number {
    return this.#incoming.reduce((sum, { length }) => sum + length, 0);
  }

  /** The next bytes that wait to be read, also after the socket has failed. */
  read(): Buffer | null {
    return this.#incoming.shift() ?? null;
  }

  /** A write fails; see `outliveWrites`. */
  failWrites(side: "client" | "upstream", code: "ECONNRESET" | "EPIPE"): void {
    if (this.destroyed) return;
    const { owner } = this as unknown as { owner: SocketOwner };
    owner[`${side}WriteFailed`](Object.assign(new Error(code), { code }));
  }

  /** The same, once somebody writes. */
  failNextWrite(...failure: Parameters<FakeSocket["failWrites"]>): void {
    this.#failure = failure;
  }

  /** An error destroys a socket before it is told; one that was destroyed already may still tell how it ended. */
  fail(code: string): void {
    if (this.closed) return;
    this.destroy();
    this.emit("error", Object.assign(new Error(code), { code }));
  }

  /** A socket that was destroyed says so at last. */
  close(): void {
    if (!this.destroyed || this.closed) return;
    this.closed = true;
    this.emit("close");
  }

  /** It closes without a word. */
  vanish(): void {
    this.destroy();
    this.close();
  }
}
