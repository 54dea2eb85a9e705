import { carriageReturn, hexValues, lineFeed, valueBytes } from "./bytes.ts";
import type { Detail } from "./fault.ts";
import { Hold } from "./hold.ts";
import type { Fields } from "./message.ts";
import { malformed, scan, scanTrailers } from "./scan.ts";

const [mostDigits, mostExtension] = [8, 1024];
/** Bounds on the trailers of one message. */
const trailerLimits = { head: 8 * 1024, fields: 128, underscores: "drop" } as const;
const semicolon = 0x3b;

type State = "size" | "extension" | "size-end" | "data" | "data-end" | "data-feed" | "trailers" | "done";

/**
 * Reads a body in the chunked coding (RFC 9112 section 7.1) in however many pieces it comes, strictly: sizes of 1 to 8
 * digits, CRLF behind everything. Extensions are checked, at most 1 KiB each, and dropped.
 */
export class ChunkDecoder {
  /** The place of the last piece's data, which is moved together in the buffer that it came in. */
  dataStart = 0;
  dataEnd = 0;
  detail: Detail = "bad_chunk";
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #extension = 0;
  readonly #trailers = new Hold();
  /** Bytes of the present line of trailers, without its CRLF. */
  #column = 0;

  /** Begins another body. */
  reset(): void {
    this.#state = "size";
    this.#size = this.#digits = this.#column = 0;
    this.#trailers.clear();
  }

  /** The body is complete. */
  get done(): boolean {
    return this.#state === "done";
  }

  get hasTrailers(): boolean {
    return this.#trailers.length > 0;
  }

  /**
   * Takes bytes from `start` to `end`, or to the end of the body, and changes the buffer between these places.
   * @returns where it stopped, or `malformed`: then `detail` says why.
   */
  decode(bytes: Buffer, start: number, end: number): number {
    this.dataStart = this.dataEnd = start;
    let at = start;
    while (at < end && this.#state !== "done") {
      if (this.#state === "data") at = this.#takeData(bytes, at, end);
      else if (this.#state === "trailers") at = this.#takeTrailers(bytes, at, end);
      else if (this.#takeByte(bytes[at]!)) at++;
      else return malformed;
      if (at === malformed) return malformed;
    }
    return at;
  }

  /**
   * The trailers of a body that is done; valid until the next scan.
   * @returns undefined where there are none, or what is wrong with them.
   */
  readTrailers(): Fields | Detail | undefined {
    if (!this.hasTrailers) return undefined;
    const { bytes, start, end } = this.#trailers;
    const at = scanTrailers(bytes, start, end, trailerLimits);
    this.#trailers.clear();
    return at === end ? scan.fields : scan.detail;
  }

  #takeData(bytes: Buffer, at: number, end: number): number {
    const next = Math.min(end, at + this.#size);
    if (this.dataEnd === this.dataStart) this.dataStart = this.dataEnd = at;
    else if (this.dataEnd !== at) bytes.copyWithin(this.dataEnd, at, next);
    this.dataEnd += next - at;
    this.#size -= next - at;
    if (this.#size === 0) this.#state = "data-end";
    return next;
  }

  /** Takes a byte of a chunk's framing. @returns whether it is one that may stand there. */
  #takeByte(byte: number): boolean {
    switch (this.#state) {
      case "size":
        return this.#takeSize(byte);
      case "extension":
        if (byte === carriageReturn) this.#state = "size-end";
        else if (++this.#extension > mostExtension) this.detail = "chunk_extension_too_long";
        else return valueBytes[byte] === 1;
        return byte === carriageReturn;
      case "size-end":
        this.#state = this.#size === 0 ? "trailers" : "data";
        return byte === lineFeed;
      case "data-end":
        this.#state = "data-feed";
        return byte === carriageReturn;
      default:
        this.#state = "size";
        this.#digits = 0;
        return byte === lineFeed;
    }
  }

  #takeSize(byte: number): boolean {
    const digit = hexValues[byte]!;
    if (digit < 16) {
      this.#size = this.#size * 16 + digit;
      return ++this.#digits <= mostDigits;
    }
    this.#extension = 0;
    this.#state = byte === semicolon ? "extension" : "size-end";
    return this.#digits > 0 && (byte === semicolon || byte === carriageReturn);
  }

  /** @returns where it stopped, behind the empty line at the latest. */
  #takeTrailers(bytes: Buffer, start: number, end: number): number {
    let at = start;
    if (!this.hasTrailers && bytes[at] === carriageReturn && at + 1 < end && bytes[at + 1] === lineFeed) {
      this.#state = "done";
      return at + 2;
    }
    let ended = false;
    while (at < end && !ended) {
      const byte = bytes[at++]!;
      if (byte === lineFeed) {
        ended = this.#column === 0;
        this.#column = 0;
      } else if (byte !== carriageReturn) this.#column++;
    }
    this.#trailers.append(bytes, start, at);
    if (this.#trailers.length > trailerLimits.head) {
      this.detail = "trailers_too_large";
      return malformed;
    }
    if (ended) this.#endTrailers();
    return at;
  }

  #endTrailers(): void {
    this.#state = "done";
    // The empty line alone.
    if (this.#trailers.length === 2) this.#trailers.clear();
  }
}
