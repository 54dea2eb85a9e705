/** A stream as the table finds it. */
export interface Tabled<S> {
  readonly id: number;
  /** The next one in the same row; the table's own. */
  next: S | undefined;
}

/** In the beginning; a power of two. */
const fewestRows = 8;

/**
 * The open streams of a connection by their id. In place of a `Map`, which streams that come and go would leave much
 * garbage in: see `Crowd`.
 */
export class StreamTable<S extends Tabled<S>> {
  /** As many as there are streams, or more. */
  #rows: (S | undefined)[] = new Array<S | undefined>(fewestRows).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): S | undefined {
    let stream = this.#rows[this.#row(id)];
    while (stream !== undefined && stream.id !== id) stream = stream.next;
    return stream;
  }

  /** @param stream whose id is not in the table. */
  add(stream: S): void {
    if (this.#size === this.#rows.length) this.#grow();
    this.#size++;
    this.#put(stream);
  }

  /** @returns whether it was there. */
  delete(stream: S): boolean {
    const row = this.#row(stream.id);
    let before: S | undefined;
    for (let at = this.#rows[row]; at !== undefined; at = at.next) {
      if (at === stream) {
        if (before === undefined) this.#rows[row] = stream.next;
        else before.next = stream.next;
        stream.next = undefined;
        this.#size--;
        return true;
      }
      before = at;
    }
    return false;
  }

  /** All of them, as they are now. */
  all(): S[] {
    const streams: S[] = [];
    for (const first of this.#rows) for (let at = first; at !== undefined; at = at.next) streams.push(at);
    return streams;
  }

  /** Ids of one side go up by two. */
  #row(id: number): number {
    return (id >> 1) & (this.#rows.length - 1);
  }

  #put(stream: S): void {
    const row = this.#row(stream.id);
    stream.next = this.#rows[row];
    this.#rows[row] = stream;
  }

  #grow(): void {
    const streams = this.all();
    this.#rows = new Array<S | undefined>(this.#rows.length * 2).fill(undefined);
    for (const stream of streams) this.#put(stream);
  }
}
