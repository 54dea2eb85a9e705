import { Hold } from "../hold.ts";
import type { Fields } from "../message.ts";
import type { Connection } from "./connection.ts";
import { mostPayload } from "./protocol.ts";
import type { Stream } from "./stream.ts";

/**
 * The body that goes out on one stream. Bytes that the windows or the connection's output do not take at once wait in
 * order, and so do the end and the trailers behind it.
 */
export class Outgoing {
  readonly #stream: Stream;
  readonly #connection: Connection;
  /**
   * The number of bytes that the peer still takes on this stream; below 0 after it has lowered its window (RFC 9113
   * section 6.9.2).
   */
  window: number;
  /** The last byte, or the trailers, are sent. */
  closed = false;
  /** When something of what waits was sent last, or began to wait, in milliseconds. */
  #progress = 0;
  #queue: Hold | undefined;
  #ends = false;
  #trailers: Fields | undefined;
  /** Of the reset that comes behind what waits; undefined: there is none. */
  #code: number | undefined;

  constructor(stream: Stream, connection: Connection, window: number) {
    this.#stream = stream;
    this.#connection = connection;
    this.window = window;
  }

  /** The number of bytes that wait. */
  get waiting(): number {
    return this.#queue?.length ?? 0;
  }

  /** Whether the stream's window has been too small since that time, in milliseconds. */
  isStuckSince(time: number): boolean {
    return this.waiting > 0 && this.window <= 0 && this.#progress <= time;
  }

  /** @returns false where a part has to wait. */
  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (this.closed) return true;
    const at = this.waiting === 0 ? this.#sendNow(bytes, start, end, last) : start;
    if (at === end) {
      if (last) this.#close();
      return true;
    }
    if (this.waiting === 0) this.#progress = this.#connection.now;
    this.#queue ??= new Hold();
    this.#queue.append(bytes, at, end);
    this.#ends = last;
    this.#connection.wait(this.#stream);
    return false;
  }

  end(trailers: Fields | undefined): void {
    if (this.closed) return;
    if (this.waiting === 0) this.#finish(trailers);
    else {
      this.#ends = true;
      this.#trailers = trailers?.retain();
    }
  }

  /** Sends a frame of what waits. @returns whether nothing waits any more, and more may come. */
  turn(): boolean {
    const queue = this.#queue;
    if (queue === undefined || queue.length === 0) return false;
    const next = queue.start + this.#most(queue.length);
    if (next === queue.start) return false;
    const isRest = next === queue.end;
    const closes = isRest && this.#ends && this.#trailers === undefined;
    this.#send(queue.bytes, queue.start, next, closes);
    queue.consume(next);
    this.#progress = this.#connection.now;
    if (closes) this.#close();
    else if (isRest && this.#code !== undefined) this.#stream.cancel(this.#code);
    else if (isRest && this.#ends) this.#finish(this.#trailers);
    else if (!isRest) this.#connection.wait(this.#stream);
    return isRest && !this.closed;
  }

  /** The head was all. */
  finished(): void {
    this.#close();
  }

  /** Behind what waits there is a reset. @param code as in RFC 9113 section 7. */
  breakOff(code: number): void {
    this.#ends = false;
    this.#code = code;
  }

  /** Nothing more of it is sent. */
  drop(): void {
    this.closed = true;
    this.#queue = undefined;
    this.#trailers = undefined;
  }

  #sendNow(bytes: Buffer, start: number, end: number, last: boolean): number {
    let at = start;
    while (at < end && this.#connection.sendsAtOnce) {
      const next = at + this.#most(end - at);
      if (next === at) break;
      this.#send(bytes, at, next, last && next === end);
      at = next;
    }
    return at;
  }

  #most(length: number): number {
    return Math.max(0, Math.min(length, mostPayload, this.window, this.#connection.sendWindow));
  }

  #send(bytes: Buffer, start: number, end: number, last: boolean): void {
    this.window -= end - start;
    this.#connection.spend(end - start);
    this.#connection.writer.data(this.#stream.id, bytes, start, end, last);
  }

  #finish(trailers: Fields | undefined): void {
    const { writer, heads } = this.#connection;
    const { id } = this.#stream;
    this.#trailers = undefined;
    if (trailers === undefined) writer.data(id, none, 0, 0, true);
    else writer.headers(id, heads.trailers(trailers), true);
    this.#close();
  }

  #close(): void {
    this.closed = true;
    this.#stream.sent();
  }
}

const none = Buffer.alloc(0);
