import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";

/** The way of the records that a client's TLS sends. Each calls `done` when TLS may go on. */
export interface Sending {
  write(records: Buffer, done: () => void): void;
  end(done: () => void): void;
}

/** A client's TLS whose records pass through the test's hands; what comes is handed to TLS while `raw` is not paused. */
export function tlsOver(
  raw: Socket,
  options: ConnectionOptions = {},
  sending: Sending = straightTo(raw),
): TLSSocket {
  const wire = new Duplex({
    read() {},
    write: (records: Buffer, _encoding, done) => sending.write(records, done),
    final: (done) => sending.end(done),
    destroy: (error, done) => {
      raw.destroy();
      done(error);
    },
  });
  raw.on("data", (chunk) => wire.push(chunk));
  raw.on("end", () => wire.push(null));
  raw.on("error", (error) => wire.destroy(error));
  return connect({ rejectUnauthorized: false, ...options, socket: wire });
}

export function straightTo(raw: Socket): Sending {
  return {
    write: (records, done) => raw.write(records, () => done()),
    end: (done) => raw.end(done),
  };
}

/** Sends every byte in a segment of its own. */
export function byteByByte(raw: Socket): Sending {
  return {
    ...straightTo(raw),
    async write(records, done) {
      raw.setNoDelay();
      for (const byte of records)
        await new Promise<void>((resolve) => raw.write(Buffer.of(byte), () => resolve()));
      done();
    },
  };
}

/** Sends the hello, and holds what follows until it is released: then all of it goes in one piece. */
export class HeldBack implements Sending {
  readonly #raw: Socket;
  readonly #held: Buffer[] = [];
  #greeted = false;
  #ended = false;

  constructor(raw: Socket) {
    this.#raw = raw;
  }

  write(records: Buffer, done: () => void): void {
    if (this.#greeted) this.#held.push(records);
    else this.#raw.write(records);
    this.#greeted = true;
    done();
  }

  end(done: () => void): void {
    this.#ended = true;
    done();
  }

  release(): void {
    const all = Buffer.concat(this.#held);
    if (this.#ended) this.#raw.end(all);
    else this.#raw.write(all);
  }
}
