/** A part of a body. `last` comes with no trailers behind it. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly last: boolean;
}

/** Parts of a body that wait, in their order. */
export class Chunks {
  /** Of all of them. */
  bytes = 0;
  #parts: Chunk[] = [];

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  add(chunk: Chunk): void {
    this.#parts.push(chunk);
    this.bytes += chunk.bytes.length;
  }

  /** The first, which is there. */
  shift(): Chunk {
    const chunk = this.#parts.shift()!;
    this.bytes -= chunk.bytes.length;
    return chunk;
  }

  takeAll(): readonly Chunk[] {
    const parts = this.#parts;
    this.#parts = [];
    this.bytes = 0;
    return parts;
  }

  /** Takes over all that another one has, which come before its own. */
  takeBefore(others: Chunks): void {
    this.bytes += others.bytes;
    this.#parts = [...others.takeAll(), ...this.#parts];
  }
}
