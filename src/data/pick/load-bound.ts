import type { PlacedBackend } from "../../model/backend.ts";
import type { PickContext } from "./picker.ts";

/** With up to so many backends the bound is exact; with n, the totals are from some of the last 2 n / 32 picks. */
const readPerPick = 32;

/**
 * The bound of "Consistent hashing with bounded loads" (Mirrokni, Thorup, Zadimoghaddam, SODA 2018): no backend gets
 * more than `factor` times its share of all active connections with the new one, rounded up:
 * ⌈factor · (active + 1) · weight / total weight⌉. Totals are over the backends that may be picked, so that with some
 * of them down the others' bounds rise, and there is always one with room.
 */
export class LoadBound {
  readonly #factor: number;
  readonly #backends: readonly PlacedBackend[];
  readonly #active: Int32Array;
  #totalActive = 0;
  #totalWeight = 0;
  /** The totals being counted, of the backends before `#next`. */
  #countedActive = 0;
  #countedWeight = 0;
  #next = 0;

  constructor(factor: number, backends: readonly PlacedBackend[], active: Int32Array) {
    this.#factor = factor;
    this.#backends = backends;
    this.#active = active;
    for (const { slot, weight } of backends) {
      this.#totalActive += active[slot]!;
      this.#totalWeight += weight;
    }
  }

  /** Goes on counting; once per pick. */
  refresh(context: PickContext): void {
    const backends = this.#backends;
    for (let reads = Math.min(backends.length, readPerPick); reads > 0; reads--) {
      const backend = backends[this.#next]!;
      if (context.mayPick(backend)) {
        this.#countedActive += this.#active[backend.slot]!;
        this.#countedWeight += backend.weight;
      }
      this.#next++;
      if (this.#next === backends.length) this.#publish();
    }
  }

  /** May this backend have one connection more? */
  hasRoom(index: number): boolean {
    const { slot, weight } = this.#backends[index]!;
    // For an integer a, a < ⌈x⌉ exactly if a < x.
    return this.#active[slot]! * this.#totalWeight < this.#factor * (this.#totalActive + 1) * weight;
  }

  #publish(): void {
    this.#totalActive = this.#countedActive;
    this.#totalWeight = this.#countedWeight;
    this.#countedActive = 0;
    this.#countedWeight = 0;
    this.#next = 0;
  }
}
