import { readClient, stopReadingClient } from "../sockets/events.ts";
import type { OwnedSocket } from "../sockets/owner.ts";

/** Reads what a connection begins with. */
export interface FirstReader {
  /**
   * @param bytes all that came so far: those of the last call and what came since.
   * @returns how many of them it takes away, once it has what it needs; undefined while it needs more, and after it
   *   has ended the connection.
   */
  read(bytes: Buffer): number | undefined;
  /** Goes on with the connection. The bytes that it did not take are the socket's next. */
  done(): void;
}

const nothing = Buffer.alloc(0);

/** A reader at work on a socket, with the bytes that came so far. */
export class FirstBytes {
  readonly reader: FirstReader;
  readonly #socket: OwnedSocket;
  /** Most clients send all that is read of them in one piece, which needs no copy. */
  #buffer: Buffer = nothing;
  #length = 0;

  constructor(socket: OwnedSocket, reader: FirstReader) {
    this.#socket = socket;
    this.reader = reader;
    readClient(socket);
    // A connection that the main thread accepted comes paused, and so does one that another reader has read.
    socket.resume();
  }

  /** @returns as {@link FirstReader.read}. */
  add(chunk: Buffer): number | undefined {
    if (this.#length === 0) this.#buffer = chunk;
    else this.#append(chunk);
    this.#length += chunk.length;
    return this.reader.read(this.#bytes);
  }

  #append(chunk: Buffer): void {
    if (this.#length + chunk.length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#length + chunk.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#length);
  }

  /** Stops reading and puts back what the reader did not take. @param taken how many bytes it took. */
  stop(taken: number): void {
    stopReadingClient(this.#socket);
    const rest = this.#bytes.subarray(taken);
    if (rest.length > 0) this.#socket.unshift(rest);
  }

  /** Whether no byte has come. */
  get empty(): boolean {
    return this.#length === 0;
  }

  get #bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
