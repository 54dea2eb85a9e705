import type { Field } from "./field.ts";

/** A dynamic table (RFC 7541 section 2.3.2): the newest entry is first, and the oldest ones make room. */
export class DynamicTable {
  /** A ring, whose length is 0 or a power of two. */
  #entries: (Field | undefined)[] = [];
  /** How many were ever put in; the newest one has this number. */
  #inserted = 0;
  #count = 0;
  #size = 0;
  #most: number;
  readonly #evicted: ((field: Field, number: number) => void) | undefined;

  /**
   * @param most bytes, as section 4.1 counts them.
   * @param evicted is told who leaves, with the number that it was put in with.
   */
  constructor(most: number, evicted?: (field: Field, number: number) => void) {
    this.#most = most;
    this.#evicted = evicted;
  }

  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#size;
  }

  get most(): number {
    return this.#most;
  }

  get inserted(): number {
    return this.#inserted;
  }

  /** @param index from 1, the newest one. @returns undefined where there is none. */
  at(index: number): Field | undefined {
    if (index < 1 || index > this.#count) return undefined;
    return this.#entries[(this.#inserted - index + 1) & (this.#entries.length - 1)];
  }

  resize(most: number): void {
    this.#most = most;
    this.#shrinkTo(most);
  }

  /** One that is larger than the table empties it (section 4.4). @returns whether it is in the table. */
  insert(field: Field): boolean {
    this.#shrinkTo(Math.max(0, this.#most - field.size));
    if (field.size > this.#most) return false;
    if (this.#count === this.#entries.length) this.#grow();
    this.#inserted++;
    this.#entries[this.#inserted & (this.#entries.length - 1)] = field;
    this.#count++;
    this.#size += field.size;
    return true;
  }

  #shrinkTo(size: number): void {
    while (this.#size > size) {
      const number = this.#inserted - this.#count + 1;
      const slot = number & (this.#entries.length - 1);
      const field = this.#entries[slot]!;
      this.#entries[slot] = undefined;
      this.#count--;
      this.#size -= field.size;
      this.#evicted?.(field, number);
    }
  }

  #grow(): void {
    const before = this.#entries;
    const after: (Field | undefined)[] = new Array(Math.max(16, before.length * 2));
    for (let number = this.#inserted - this.#count + 1; number <= this.#inserted; number++)
      after[number & (after.length - 1)] = before[number & (before.length - 1)];
    this.#entries = after;
  }
}
