import { ChunkDecoder } from "../chunked.ts";
import { type Detail, responseFaults } from "../fault.ts";
import { fieldIds } from "../field-names.ts";
import { connectionHas, frameResponse, framing, listHas } from "../framing.ts";
import { Hold } from "../hold.ts";
import { isSoundConnection } from "../hop-by-hop.ts";
import { type ResponseHead, type ResponseReceiver, unknownLength } from "../message.ts";
import { type HeadLimits, malformed, mayEndHead, needsMore, scan, scanResponse } from "../scan.ts";

/**
 * How far the response has come. `idle` is without a request and `head` until the head of the final response is whole;
 * `length`, `chunks` and `close` (until the connection ends) are within its body. `spent` serves no further request.
 */
export type BackendState = "idle" | "head" | "length" | "chunks" | "close" | "tunnel" | "spent";

/** More than any backend has use for. */
const mostInterim = 8;

/**
 * Reads the responses of one connection to a backend (HTTP/1.1 and 1.0, RFC 9112), each to the request that it was told
 * of before. It writes nothing.
 */
export class Http1Backend implements ResponseHead {
  status = 0;
  phrase = "";
  readonly fields = scan.fields;
  length = 0;
  readonly #limits: HeadLimits;
  readonly #hold = new Hold();
  #state: BackendState = "idle";
  #receiver: ResponseReceiver | undefined;
  #method = "";
  #upgrade = "";
  /** Bytes to come of a body whose length is known. */
  #left = 0;
  #chunks: ChunkDecoder | undefined;
  /** The head is not handed over yet: it goes together with the data of the chunks behind it. */
  #isHeadDue = false;
  #interim = 0;
  #persists = true;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** Look at it after each call of {@link receive}: a connection that is `spent` is destroyed. */
  get state(): BackendState {
    return this.#state;
  }

  /**
   * A request is about to be sent.
   * @param upgrade the protocol that the request asks the connection to change to; empty for most.
   * @throws Error unless the connection is `idle`: the answer would be taken for that to another request.
   */
  begin(method: string, upgrade: string, receiver: ResponseReceiver): void {
    if (this.#state !== "idle") throw new Error(`a request on a connection that is ${this.#state}, not idle`);
    this.#state = "head";
    this.#method = method;
    this.#upgrade = upgrade;
    this.#receiver = receiver;
    this.#interim = 0;
  }

  /**
   * Takes bytes from the backend. None of them is looked at after this has returned, and they may be changed before.
   * With the last byte of a response it is `idle` or `spent` before the receiver gets it, so that the receiver may give
   * the connection to another request at once.
   * @returns false to read no more until the receiver takes more.
   */
  receive(bytes: Buffer, start: number, end: number): boolean {
    const hold = this.#hold;
    if (hold.length === 0) return this.#read(bytes, start, end);
    const from = hold.length;
    hold.append(bytes, start, end);
    const isTooLong = hold.length > this.#limits.head;
    if (!isTooLong && !mayEndHead(hold.bytes, hold.start, hold.start + from, hold.end)) return true;
    const { bytes: held, start: first, end: last } = hold;
    hold.clear();
    return this.#read(held, first, last);
  }

  /** The backend sends no more. */
  ended(): void {
    const state = this.#state;
    if (state === "close" || state === "tunnel") {
      this.#persists = false;
      this.#finish(false).end(undefined);
    } else if (state !== "idle" && state !== "spent") {
      this.#fail(this.#hold.length > 0 ? this.#detailOfHeld() : "cut_short");
    } else this.#state = "spent";
  }

  /** Nobody wants the rest of the response. */
  abandon(): void {
    this.#state = "spent";
    this.#receiver = undefined;
    this.#hold.clear();
  }

  /** @returns the fault of a head whose end did not come. */
  #detailOfHeld(): Detail {
    const { bytes, start, end } = this.#hold;
    return scanResponse(bytes, start, end, this.#limits) === malformed ? scan.detail : "cut_short";
  }

  #fail(detail: Detail): void {
    const receiver = this.#receiver;
    this.abandon();
    receiver?.fail(responseFaults[detail]);
  }

  #read(bytes: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end && this.#state === "head") at = this.#readHead(bytes, at, end);
    if (at === end) return true;
    switch (this.#state) {
      case "length":
        return this.#readLength(bytes, at, end);
      case "chunks":
        return this.#readChunks(bytes, at, end);
      case "close":
      case "tunnel":
        return this.#receiver!.body(bytes, at, end, false);
      default:
        // Nobody asked for these: whose answer they would be is not to be guessed.
        this.abandon();
        return true;
    }
  }

  /** @returns where it stopped: at a body, or behind an interim response. */
  #readHead(bytes: Buffer, start: number, end: number): number {
    const at = scanResponse(bytes, start, end, this.#limits);
    if (at === needsMore) {
      this.#hold.append(bytes, start, end);
      return end;
    }
    if (at === malformed) {
      this.#fail(scan.detail);
      return end;
    }
    if (!isSoundConnection(scan.fields)) {
      this.#fail("connection_field");
      return end;
    }
    this.status = scan.status;
    this.phrase = scan.fields.text.slice(scan.phraseStart, scan.phraseEnd);
    if (scan.status >= 200) return this.#beginBody(at, end);
    const detail = this.#takeInterim();
    if (detail !== undefined) this.#fail(detail);
    return this.#state === "spent" ? end : at;
  }

  /** Takes a response that is not the final one. @returns its fault. */
  #takeInterim(): Detail | undefined {
    this.length = 0;
    if (this.status === 101) {
      const isAsked = this.#upgrade !== "" && connectionHas(this.fields, "upgrade");
      if (!isAsked || !listHas(this.fields, fieldIds.upgrade, this.#upgrade)) return "unasked_switch";
      this.#state = "tunnel";
      this.#receiver!.switched(this);
    } else if (++this.#interim > mostInterim) return "too_many_interim";
    else this.#receiver!.interim(this);
    return undefined;
  }

  /** The head of the final response is whole. @returns where it stopped. */
  #beginBody(at: number, end: number): number {
    const detail = frameResponse(this.fields, scan.minor, this.status, this.#method);
    this.length = framing.length;
    this.#persists = framing.persists;
    if (detail !== undefined) {
      this.#fail(detail);
      return end;
    }
    if (framing.chunked) {
      this.#chunks ??= new ChunkDecoder();
      this.#chunks.reset();
      this.#state = "chunks";
      this.#isHeadDue = at < end;
      if (!this.#isHeadDue) this.#receiver!.response(this, false);
      return at;
    }
    this.#left = this.length;
    this.#state = this.length === unknownLength ? "close" : "length";
    this.#receiver!.response(this, this.length === 0 || at < end);
    if (this.length !== 0 || this.#receiver === undefined) return at;
    this.#finish(at < end).end(undefined);
    return end;
  }

  #readLength(bytes: Buffer, start: number, end: number): boolean {
    const at = Math.min(end, start + this.#left);
    this.#left -= at - start;
    if (this.#left > 0) return this.#receiver!.body(bytes, start, at, false);
    this.#finish(at < end).body(bytes, start, at, true);
    return true;
  }

  #readChunks(bytes: Buffer, start: number, end: number): boolean {
    const chunks = this.#chunks!;
    const at = chunks.decode(bytes, start, end);
    if (at === malformed) {
      this.#fail(chunks.detail);
      return true;
    }
    const { dataStart, dataEnd, done } = chunks;
    const isLast = done && !chunks.hasTrailers;
    if (this.#isHeadDue) this.#receiver!.response(this, done || dataEnd > dataStart);
    this.#isHeadDue = false;
    if (this.#receiver === undefined) return true;
    const receiver = isLast ? this.#finish(at < end) : this.#receiver;
    let accepts = true;
    if (dataEnd > dataStart) accepts = receiver.body(bytes, dataStart, dataEnd, isLast);
    else if (isLast) receiver.end(undefined);
    if (done && !isLast && this.#state === "chunks") this.#endChunks(chunks, at < end);
    return accepts || done;
  }

  #endChunks(chunks: ChunkDecoder, isFollowed: boolean): void {
    const trailers = chunks.readTrailers();
    if (typeof trailers === "string") this.#fail(trailers);
    else this.#finish(isFollowed).end(trailers);
  }

  /**
   * The response is complete: the connection may be given to another request.
   * @param isFollowed by bytes that nobody asked for.
   * @returns who gets the end of the response.
   */
  #finish(isFollowed: boolean): ResponseReceiver {
    const receiver = this.#receiver!;
    this.#receiver = undefined;
    // A slice of a head keeps all of the head in memory.
    this.phrase = "";
    this.#state = this.#persists && !isFollowed ? "idle" : "spent";
    return receiver;
  }
}
