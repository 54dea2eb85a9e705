import { Hold } from "../../../../http/hold.ts";
import { prefixBytes } from "../../../../lib/grpc-message.ts";

/** Reads the messages of one call, in parts as they come. */
export class MessageReader {
  readonly #most: number;
  readonly #hold = new Hold();

  /** @param most bytes of a message. */
  constructor(most: number) {
    this.#most = most;
  }

  append(bytes: Buffer, start: number, end: number): void {
    this.#hold.append(bytes, start, end);
  }

  /** Whether a part of a message waits for the rest. */
  get isWithin(): boolean {
    return this.#hold.length > 0;
  }

  /** @returns the next message, whose bytes are the caller's; undefined: it is not there yet; a text: what is wrong with it. */
  next(): Buffer | string | undefined {
    const { bytes, start, length } = this.#hold;
    if (length < prefixBytes) return undefined;
    if (bytes[start] !== 0) return "a message is compressed";
    const size = bytes.readUInt32BE(start + 1);
    if (size > this.#most) return `a message has more than ${this.#most} bytes`;
    if (length < prefixBytes + size) return undefined;
    const from = start + prefixBytes;
    const message = Buffer.from(bytes.subarray(from, from + size));
    this.#hold.consume(from + size);
    return message;
  }
}
