import type { BodyReceiver, Fields } from "../message.ts";
import { chunkEnd, chunkStart, lastChunk, lastChunkWith, wrap, wrapped } from "./reframe.ts";

/** Where a writer's bytes go: a socket, or what stands before one. */
export interface Output {
  /** @param text a character per byte (Latin-1). */
  text(text: string): void;
  /**
   * @param bytes whose part from `start` to `end` may be used until this returns, and not after it.
   * @returns false to get no more for now.
   */
  bytes(bytes: Buffer, start: number, end: number): boolean;
  /** Everything is written: the other side gets an orderly end. */
  close(): void;
  /** The message is cut short: the other side gets a reset, so that it never looks complete. */
  reset(): void;
}

/** Writes a body, in chunks where its length is not known, and together with the head before it if that waits. */
export class BodyWriter implements BodyReceiver {
  protected readonly output: Output;
  /** A head that goes out with the first part of its body. */
  protected waiting = "";
  protected inChunks = false;

  constructor(output: Output) {
    this.output = output;
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    const before = this.inChunks ? this.waiting + chunkStart(end - start) : this.waiting;
    const after = this.inChunks ? chunkEnd + (last ? lastChunk : "") : "";
    this.waiting = "";
    if (before === "" && after === "") return this.output.bytes(bytes, start, end);
    if (wrap(bytes, start, end, before, after)) return this.output.bytes(bytes, wrapped.start, wrapped.end);
    if (before !== "") this.output.text(before);
    const accepts = this.output.bytes(bytes, start, end);
    if (after !== "") this.output.text(after);
    return accepts;
  }

  end(trailers: Fields | undefined): void {
    const last = trailers === undefined ? lastChunk : lastChunkWith(trailers);
    const text = this.inChunks ? this.waiting + last : this.waiting;
    this.waiting = "";
    if (text !== "") this.output.text(text);
  }
}
