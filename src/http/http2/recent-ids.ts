/** Streams that were ended from this side a short while ago: what the peer sent before it knew is no error. */
export class RecentIds {
  readonly #most: number;
  #ids: Set<number> | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** The oldest one is forgotten for it where there are too many. */
  add(id: number): void {
    this.#ids ??= new Set();
    this.#ids.add(id);
    if (this.#ids.size > this.#most) this.#ids.delete(this.#ids.values().next().value!);
  }

  has(id: number): boolean {
    return this.#ids?.has(id) === true;
  }
}
