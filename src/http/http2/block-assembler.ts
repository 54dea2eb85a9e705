import type { Budget } from "./budget.ts";
import { ConnectionError, errorCode, flag } from "./protocol.ts";

/** Of one header block as it is sent, in bytes, and in CONTINUATION frames. */
const mostBlock = 64 * 1024;
const mostContinuations = 16;
/** An empty CONTINUATION is worth so many glitches. */
const emptyGlitches = 10;

/** Puts a header block together that comes in several frames (RFC 9113 section 4.3). */
export class BlockAssembler {
  readonly #parts: Buffer[] = [];
  #length = 0;
  #continuations = 0;
  /** Of the block that is under way; 0: none is. */
  stream = 0;
  /** Of its HEADERS. */
  endsStream = false;

  begin(stream: number, flags: number, bytes: Buffer, start: number, end: number): void {
    this.stream = stream;
    this.endsStream = (flags & flag.endStream) !== 0;
    this.#continuations = 0;
    this.#add(bytes, start, end);
  }

  /** @returns whether the block is complete. @throws ConnectionError where it is too much. */
  continue(flags: number, bytes: Buffer, start: number, end: number, budget: Budget): boolean {
    if (++this.#continuations > mostContinuations)
      throw new ConnectionError(errorCode.calm, "too many CONTINUATION");
    if (start === end && (flags & flag.endHeaders) === 0) budget.glitch(emptyGlitches);
    this.#add(bytes, start, end);
    return (flags & flag.endHeaders) !== 0;
  }

  /** @returns the block, and forgets it. */
  take(): Buffer {
    this.stream = 0;
    this.#length = 0;
    return Buffer.concat(this.#parts.splice(0));
  }

  #add(bytes: Buffer, start: number, end: number): void {
    this.#length += end - start;
    if (this.#length > mostBlock)
      throw new ConnectionError(errorCode.calm, "a header block that is too long");
    this.#parts.push(Buffer.from(bytes.subarray(start, end)));
  }
}
