import { carriageReturn, lineFeed } from "../bytes.ts";
import { ChunkDecoder } from "../chunked.ts";
import { type Detail, requestFaults } from "../fault.ts";
import { Hold } from "../hold.ts";
import type { RequestReceiver } from "../message.ts";
import { malformed, mayEndHead, needsMore, type RequestLimits, scan, scanRequest } from "../scan.ts";
import { Http1Request } from "./request.ts";

/** Sizes are in bytes. */
export interface FrontOptions {
  /** Of the client's connection. */
  readonly scheme: "http" | "https";
  readonly limits: RequestLimits;
  /** The most that is kept of requests that came before their turn; then the client is read no further. */
  readonly held: number;
}

/**
 * How far the requests of a connection have come. `idle` is before a request's first byte, `head` within its head,
 * `length` and `chunks` within its body; `waiting` is until the response has ended. `closed` takes no more.
 */
export type FrontState = "idle" | "head" | "length" | "chunks" | "waiting" | "tunnel" | "closed";

/**
 * Reads the requests of one client's connection (HTTP/1.1 and 1.0, RFC 9112), one after the other: bytes that come before
 * the response to the last one has ended are kept, and read then. It writes nothing; the response is its owner's.
 */
export class Http1Front {
  /** The last request. Its fields are valid within {@link RequestReceiver.request} only. */
  readonly request: Http1Request;
  readonly #options: FrontOptions;
  readonly #receiver: RequestReceiver;
  readonly #hold = new Hold();
  #state: FrontState = "idle";
  /** Bytes to come of a body whose length is known. */
  #left = 0;
  #chunks: ChunkDecoder | undefined;
  /** An empty line may stand here (RFC 9112 section 2.2): one, and not before the first request. */
  #mayBeBlank = false;
  /** The bytes that are held have been read: they are no whole head. */
  #isScanned = false;
  #isReading = false;
  #hasEnded = false;
  /** The receiver takes more of the body. */
  #accepts = true;

  constructor(options: FrontOptions, receiver: RequestReceiver) {
    this.request = new Http1Request(options.scheme);
    this.#options = options;
    this.#receiver = receiver;
  }

  get state(): FrontState {
    return this.#state;
  }

  /** The last request is not whole. */
  get isReadingBody(): boolean {
    return this.#state === "length" || this.#state === "chunks";
  }

  /**
   * Takes bytes from the client. None of them is looked at after this has returned, and they may be changed before.
   * @returns false to read no more from the client, until {@link answered} or until the receiver takes more.
   */
  receive(bytes: Buffer, start: number, end: number): boolean {
    const hold = this.#hold;
    this.#accepts = true;
    if (hold.length === 0) this.#keep(bytes, this.#read(bytes, start, end), end);
    else {
      const from = hold.length;
      hold.append(bytes, start, end);
      if (this.#isWorthReading(from)) this.#readHeld();
    }
    return this.#accepts && (this.#state === "head" || hold.length < this.#options.held);
  }

  /**
   * The response to the last request has ended: the bytes that were kept are read now.
   * @returns whether the connection stays. It does not after a request that was answered before its own end: nobody wants
   * the rest of it.
   */
  answered(): boolean {
    if (this.#state !== "waiting" || !this.request.persists) this.close();
    else {
      this.#state = "idle";
      this.#mayBeBlank = true;
      this.request.forget();
      if (!this.#isReading) this.#readHeld();
      if (this.#hasEnded) this.#end();
    }
    return this.#state !== "closed";
  }

  /** The upgrade has been agreed to: everything the client sends is the tunnel's. */
  tunnel(): void {
    this.#state = "tunnel";
    if (!this.#isReading) this.#readHeld();
  }

  /** The client sends no more. Requests that are whole are served still. */
  ended(): void {
    this.#hasEnded = true;
    if (this.#hold.length > 0) this.#readHeld();
    this.#end();
  }

  /** Takes no more. */
  close(): void {
    this.#state = "closed";
    this.#hold.clear();
  }

  #end(): void {
    if (this.#state === "idle") this.close();
    else if (this.#state === "tunnel") {
      this.close();
      this.#receiver.end(undefined);
    } else if (this.#state !== "waiting" && this.#state !== "closed") this.#fail("cut_short");
  }

  #fail(detail: Detail): void {
    this.close();
    this.#receiver.fail(requestFaults[detail]);
  }

  /** @param from the number of bytes that were held before the ones that have just come. */
  #isWorthReading(from: number): boolean {
    const { bytes, end, length, start } = this.#hold;
    if (!this.#isScanned || length > this.#options.limits.head) return true;
    return mayEndHead(bytes, start, start + from, end);
  }

  /** Keeps what is left of the bytes, from `at` on. */
  #keep(bytes: Buffer, at: number, end: number): void {
    if (at < end && this.#state !== "closed") this.#hold.append(bytes, at, end);
  }

  #readHeld(): void {
    const { bytes, start, end } = this.#hold;
    const at = this.#read(bytes, start, end);
    // A receiver that closed the connection has emptied it.
    if (this.#hold.length > 0) this.#hold.consume(at);
  }

  /** @returns where it stopped. */
  #read(bytes: Buffer, start: number, end: number): number {
    this.#isReading = true;
    this.#isScanned = false;
    let at = start;
    while (at < end && this.#state !== "waiting" && this.#state !== "closed" && !this.#isScanned) {
      if (this.#state === "idle" || this.#state === "head") at = this.#readHead(bytes, at, end);
      else if (this.#state === "length") at = this.#readLength(bytes, at, end);
      else if (this.#state === "chunks") at = this.#readChunks(bytes, at, end);
      else {
        this.#accepts = this.#receiver.body(bytes, at, end, false);
        at = end;
      }
    }
    this.#isReading = false;
    return at;
  }

  #readHead(bytes: Buffer, start: number, end: number): number {
    this.#state = "head";
    if (this.#mayBeBlank && bytes[start] === carriageReturn) {
      if (start + 1 === end) return this.#wait(start);
      if (bytes[start + 1] === lineFeed) {
        this.#state = "idle";
        this.#mayBeBlank = false;
        return start + 2;
      }
    }
    const at = scanRequest(bytes, start, end, this.#options.limits);
    if (at === needsMore) return this.#wait(start);
    if (at === malformed) this.#fail(scan.detail);
    else this.#begin();
    return at === malformed ? end : at;
  }

  #wait(at: number): number {
    this.#isScanned = true;
    return at;
  }

  /** The head is whole. */
  #begin(): void {
    const { request } = this;
    const detail = request.read();
    if (detail !== undefined) {
      this.#fail(detail);
      return;
    }
    this.#left = request.length;
    if (request.chunked) {
      this.#chunks ??= new ChunkDecoder();
      this.#chunks.reset();
      this.#state = "chunks";
    } else this.#state = request.length > 0 ? "length" : "waiting";
    this.#receiver.request(request, this.#state === "waiting" && request.upgrade === "");
  }

  #readLength(bytes: Buffer, start: number, end: number): number {
    const at = Math.min(end, start + this.#left);
    this.#left -= at - start;
    const isLast = this.#left === 0;
    if (isLast) this.#state = "waiting";
    this.#deliver(bytes, start, at, isLast, at < end);
    return at;
  }

  #readChunks(bytes: Buffer, start: number, end: number): number {
    const chunks = this.#chunks!;
    const at = chunks.decode(bytes, start, end);
    if (at === malformed) {
      this.#fail(chunks.detail);
      return end;
    }
    const isLast = chunks.done && !chunks.hasTrailers;
    if (isLast) this.#state = "waiting";
    const { dataStart, dataEnd } = chunks;
    if (dataEnd > dataStart) this.#deliver(bytes, dataStart, dataEnd, isLast, at < end);
    else if (isLast) this.#receiver.end(undefined);
    if (chunks.done && !isLast && this.#state === "chunks") this.#endChunks(chunks);
    return at;
  }

  #endChunks(chunks: ChunkDecoder): void {
    const trailers = chunks.readTrailers();
    if (typeof trailers === "string") this.#fail(trailers);
    else {
      this.#state = "waiting";
      this.#receiver.end(trailers);
    }
  }

  /** @param isFollowed by bytes that are still to be read: the receiver, which may write around its part, gets a copy. */
  #deliver(bytes: Buffer, start: number, end: number, isLast: boolean, isFollowed: boolean): void {
    const part = isFollowed ? Buffer.from(bytes.subarray(start, end)) : bytes;
    const from = isFollowed ? 0 : start;
    const accepts = this.#receiver.body(part, from, from + end - start, isLast);
    // After the last part there is nothing to hold back: further bytes are kept.
    this.#accepts = accepts || isLast;
  }
}
