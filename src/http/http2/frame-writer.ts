import type { EncodedBlock } from "./hpack/encoder.ts";
import { flag, frameHead, frameType, mostPayload } from "./protocol.ts";

/** So few are copied sooner by a loop than by a call. */
const fewBytes = 64;

/** Where frames are put until the owner of the connection sends them, many in one write. */
export class FrameWriter {
  readonly #borrow: () => Buffer;
  readonly #begun: () => void;
  readonly #full: Buffer[] = [];
  #buffer: Buffer | undefined;
  #used = 0;
  #length = 0;

  /**
   * @param borrow gives a buffer to fill; it is never used again once {@link take} has returned it.
   * @param begun called when there is something to take after there was nothing.
   */
  constructor(borrow: () => Buffer, begun: () => void) {
    this.#borrow = borrow;
    this.#begun = begun;
  }

  /** The output that was not taken yet, in bytes. */
  get length(): number {
    return this.#length;
  }

  /**
   * @returns what comes next; undefined: nothing. The owner passes the buffer behind it on, or fills it again later.
   */
  take(): Buffer | undefined {
    let taken = this.#full.shift();
    if (taken === undefined && this.#buffer !== undefined) {
      taken = this.#buffer.subarray(0, this.#used);
      this.#buffer = undefined;
    }
    this.#length -= taken?.length ?? 0;
    return taken;
  }

  /** @param bytes that no frame describes: a client's preface. */
  raw(bytes: Buffer): void {
    this.#copy(bytes, 0, bytes.length);
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    this.#head(pairs.length * 6, frameType.settings, 0, 0);
    for (const [id, value] of pairs) {
      this.#reserve(6);
      this.#used = this.#buffer!.writeUInt16BE(id, this.#used);
      this.#used = this.#buffer!.writeUInt32BE(value, this.#used);
      this.#length += 6;
    }
  }

  settingsAck(): void {
    this.#head(0, frameType.settings, flag.ack, 0);
  }

  /** @param bytes hold the 8 that are sent from `start` on. */
  ping(flags: number, bytes: Buffer, start: number): void {
    this.#head(8, frameType.ping, flags, 0);
    this.#copy(bytes, start, start + 8);
  }

  /** @param why in ASCII, for who debugs it. */
  goAway(lastStream: number, code: number, why: string): void {
    this.#head(8 + why.length, frameType.goAway, 0, 0);
    this.#word(lastStream);
    this.#word(code);
    this.raw(Buffer.from(why, "latin1"));
  }

  reset(stream: number, code: number): void {
    this.#head(4, frameType.reset, 0, stream);
    this.#word(code);
  }

  /** @param credit 1 to 2^31 - 1. */
  windowUpdate(stream: number, credit: number): void {
    this.#head(4, frameType.windowUpdate, 0, stream);
    this.#word(credit);
  }

  /** HEADERS, and as much CONTINUATION as the block needs; nothing may come between them. */
  headers(stream: number, { bytes, length }: EncodedBlock, last: boolean): void {
    let end = Math.min(length, mostPayload);
    const done = end === length ? flag.endHeaders : 0;
    this.#head(end, frameType.headers, done | (last ? flag.endStream : 0), stream);
    this.#copy(bytes, 0, end);
    for (let at = end; at < length; at = end) {
      end = Math.min(length, at + mostPayload);
      this.#head(end - at, frameType.continuation, end === length ? flag.endHeaders : 0, stream);
      this.#copy(bytes, at, end);
    }
  }

  /** One frame. @param end at most `start + mostPayload`. */
  data(stream: number, bytes: Buffer, start: number, end: number, last: boolean): void {
    this.#head(end - start, frameType.data, last ? flag.endStream : 0, stream);
    this.#copy(bytes, start, end);
  }

  #head(length: number, type: number, flags: number, stream: number): void {
    const buffer = this.#reserve(frameHead);
    const at = this.#used;
    buffer[at] = length >> 16;
    buffer[at + 1] = (length >> 8) & 0xff;
    buffer[at + 2] = length & 0xff;
    buffer[at + 3] = type;
    buffer[at + 4] = flags;
    buffer.writeUInt32BE(stream, at + 5);
    this.#used += frameHead;
    this.#length += frameHead;
  }

  #word(value: number): void {
    this.#used = this.#reserve(4).writeUInt32BE(value, this.#used);
    this.#length += 4;
  }

  #copy(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const buffer = this.#reserve(1);
      const taken = Math.min(end - at, buffer.length - this.#used);
      if (taken > fewBytes) bytes.copy(buffer, this.#used, at, at + taken);
      else for (let index = 0; index < taken; index++) buffer[this.#used + index] = bytes[at + index]!;
      this.#used += taken;
      this.#length += taken;
      at += taken;
    }
  }

  #reserve(bytes: number): Buffer {
    const present = this.#buffer;
    if (present !== undefined && present.length - this.#used >= bytes) return present;
    if (present !== undefined) this.#full.push(present.subarray(0, this.#used));
    else if (this.#length === 0) this.#begun();
    const next = this.#borrow();
    this.#buffer = next;
    this.#used = 0;
    return next;
  }
}
