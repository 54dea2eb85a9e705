import { ConnectionError, errorCode, flag, frameHead, frameType, mostPayload } from "./protocol.ts";

/** Gets the frames of one direction of a connection, in their order. */
export interface FrameReceiver {
  /** Any frame but DATA, whole. @param bytes hold the payload from `start` to `end` until this returns. */
  frame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void;
  /** A DATA frame begins. @param length of its payload with padding, which is what flow control counts. */
  dataBegins(stream: number, flags: number, length: number): void;
  /**
   * A part of the data of that frame, never an empty one, without being copied.
   * @param last nothing of it follows but padding.
   */
  data(bytes: Buffer, start: number, end: number, last: boolean): void;
  /** The frame is complete, padding included. */
  dataEnds(): void;
}

/**
 * Takes a byte stream apart into frames (RFC 9113 section 4.1), however it is split. At most one frame's worth is
 * held, and nothing of a DATA frame.
 */
export class FrameReader {
  readonly #to: FrameReceiver;
  /** The head, or the frame, that is not complete. */
  #held: Buffer | undefined;
  #have = 0;
  /** Of a DATA frame that is under way. */
  #state: "frame" | "pad-length" | "data" | "padding" = "frame";
  #data = 0;
  #padding = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  #length = 0;

  constructor(to: FrameReceiver) {
    this.#to = to;
  }

  /** @throws ConnectionError of its own, or what the receiver throws. */
  read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#state === "frame") at = this.#readFrame(bytes, at, end);
      else if (this.#state === "pad-length") this.#padLength(bytes[at++]!);
      else if (this.#state === "data") at = this.#readData(bytes, at, end);
      else at = this.#skipPadding(at, end);
    }
  }

  #readFrame(bytes: Buffer, at: number, end: number): number {
    if (this.#have === 0 && end - at >= frameHead) {
      this.#head(bytes, at);
      const next = at + frameHead + this.#length;
      if (this.#type === frameType.data) {
        this.#beginData();
        return at + frameHead;
      }
      if (next <= end) {
        this.#to.frame(this.#type, this.#flags, this.#stream, bytes, at + frameHead, next);
        return next;
      }
    }
    return this.#hold(bytes, at, end);
  }

  #hold(bytes: Buffer, at: number, end: number): number {
    this.#held ??= Buffer.allocUnsafe(frameHead);
    const needed = this.#have < frameHead ? frameHead : frameHead + this.#length;
    const taken = Math.min(needed - this.#have, end - at);
    bytes.copy(this.#held, this.#have, at, at + taken);
    this.#have += taken;
    if (this.#have === frameHead && needed === frameHead) this.#holdPayload(this.#held);
    if (this.#have === frameHead + this.#length) this.#endHeld(this.#held);
    return at + taken;
  }

  /** The head is complete. */
  #holdPayload(head: Buffer): void {
    this.#head(head, 0);
    if (this.#type === frameType.data) {
      this.#endHold();
      this.#beginData();
    } else if (this.#length > 0) {
      this.#held = Buffer.allocUnsafe(frameHead + this.#length);
      head.copy(this.#held, 0, 0, frameHead);
    }
  }

  #endHeld(held: Buffer): void {
    const end = this.#have;
    this.#endHold();
    this.#to.frame(this.#type, this.#flags, this.#stream, held, frameHead, end);
  }

  #endHold(): void {
    this.#have = 0;
    this.#held = undefined;
  }

  #head(bytes: Buffer, at: number): void {
    this.#length = bytes.readUIntBE(at, 3);
    this.#type = bytes[at + 3]!;
    this.#flags = bytes[at + 4]!;
    this.#stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    if (this.#length > mostPayload)
      throw new ConnectionError(errorCode.frameSize, `a frame of ${this.#length} bytes`);
  }

  #beginData(): void {
    const isPadded = (this.#flags & flag.padded) !== 0;
    if (isPadded && this.#length === 0)
      throw new ConnectionError(errorCode.frameSize, "DATA without its padding");
    this.#to.dataBegins(this.#stream, this.#flags, this.#length);
    this.#padding = 0;
    this.#data = this.#length;
    if (isPadded) this.#state = "pad-length";
    else this.#afterPadLength();
  }

  #padLength(padding: number): void {
    this.#data = this.#length - 1 - padding;
    this.#padding = padding;
    if (this.#data < 0)
      throw new ConnectionError(errorCode.protocol, "DATA that is longer padded than it is long");
    this.#afterPadLength();
  }

  #afterPadLength(): void {
    if (this.#data > 0) this.#state = "data";
    else this.#afterData();
  }

  #readData(bytes: Buffer, at: number, end: number): number {
    const next = Math.min(end, at + this.#data);
    this.#data -= next - at;
    this.#to.data(bytes, at, next, this.#data === 0);
    if (this.#data === 0) this.#afterData();
    return next;
  }

  #afterData(): void {
    this.#state = this.#padding > 0 ? "padding" : "frame";
    if (this.#padding === 0) this.#to.dataEnds();
  }

  #skipPadding(at: number, end: number): number {
    const next = Math.min(end, at + this.#padding);
    this.#padding -= next - at;
    if (this.#padding === 0) this.#afterData();
    return next;
  }
}

/** Where the content of a frame is, without what its flags add to it (RFC 9113 section 6.2). */
export interface Content {
  start: number;
  end: number;
}

/** @throws ConnectionError: the padding is longer than the frame, or the frame shorter than what must be in it. */
export function contentOf(flags: number, bytes: Buffer, start: number, end: number): Content {
  let [first, last] = [start, end];
  if ((flags & flag.padded) !== 0) {
    if (first >= last) throw new ConnectionError(errorCode.frameSize, "HEADERS that are too short");
    last -= bytes[first++]!;
  }
  if ((flags & flag.priority) !== 0) first += 5;
  if (first > last)
    throw new ConnectionError(errorCode.protocol, "HEADERS that are longer padded than they are long");
  return { start: first, end: last };
}
