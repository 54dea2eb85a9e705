import type { SessionSocket } from "../serve/relay/relay.ts";

/** Reads what a connection begins with. */
export interface FirstReader {
  /**
   * @param bytes all that came so far: those of the last call and what came since.
   * @returns how many of them it takes away, once it has what it needs; undefined while it needs more, and after it
   *   has ended the session.
   */
  read(bytes: Buffer): number | undefined;
  /** Goes on with the session. The bytes that it did not take are the socket's next. */
  done(): void;
}

/** A reader at work on a socket, with the bytes that came so far. */
export class FirstBytes {
  readonly reader: FirstReader;
  #buffer = Buffer.allocUnsafe(2048);
  #length = 0;

  constructor(reader: FirstReader) {
    this.reader = reader;
  }

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

/** What reading the first bytes needs of a session. */
export interface FirstBytesSession {
  readonly raw: SessionSocket;
  firstBytes: FirstBytes | undefined;
}

/** Lets a reader have a connection's first bytes until it has what it needs. */
export function readFirstBytes(session: FirstBytesSession, reader: FirstReader): void {
  session.firstBytes = new FirstBytes(reader);
  session.raw.on("data", onFirstData);
  // A connection that the main thread accepted comes paused, and so does one that another reader has read.
  session.raw.resume();
}

function onFirstData(this: SessionSocket, chunk: Buffer): void {
  const session = this.session as unknown as FirstBytesSession;
  const first = session.firstBytes;
  if (first === undefined) return;
  first.append(chunk);
  const taken = first.reader.read(first.bytes);
  if (taken !== undefined) settleFirstBytes(session, taken);
}

/** Stops reading and goes on with the session. @param taken how many bytes the reader takes away. */
export function settleFirstBytes(session: FirstBytesSession, taken = 0): void {
  const { raw, firstBytes } = session;
  if (firstBytes === undefined) return;
  session.firstBytes = undefined;
  raw.removeListener("data", onFirstData);
  raw.pause();
  const rest = firstBytes.bytes.subarray(taken);
  if (rest.length > 0) raw.unshift(rest);
  firstBytes.reader.done();
}
