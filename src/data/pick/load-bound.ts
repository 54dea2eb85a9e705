import type { PlacedBackend } from "../../model/backend.ts";
import type { PickContext, PickerInputs } from "./picker.ts";
import { presentWeight, wholeWeight } from "./slow-start.ts";

/** With up to so many backends the bound is exact; with n, the totals are from some of the last 2 n / 32 picks. */
const readPerPick = 32;

/**
 * The bound of "Consistent hashing with bounded loads" (Mirrokni, Thorup, Zadimoghaddam, SODA 2018): no backend gets
 * more than `factor` times its share of all active connections with the new one, rounded up:
 * ⌈factor · (active + 1) · weight / total weight⌉. Totals are over the backends that may be picked, so that with some
 * of them down, or starting slowly, the others' bounds rise, and there is always one with room.
 */
export class LoadBound {
  readonly #factor: number;
  readonly #backends: readonly PlacedBackend[];
  readonly #active: Int32Array;
  readonly #withheld: Int32Array;
  #totalActive = 0;
  /** In hundredths of a unit, as {@link presentWeight}. */
  #totalWeight = 0;
  /** The totals being counted, of the backends before `#next`. */
  #countedActive = 0;
  #countedWeight = 0;
  #next = 0;

  constructor(factor: number, { backends, active, withheld }: PickerInputs) {
    this.#factor = factor;
    this.#backends = backends;
    this.#active = active;
    this.#withheld = withheld;
    for (const backend of backends) {
      this.#totalActive += active[backend.slot]!;
      this.#totalWeight += presentWeight(backend, withheld);
    }
  }

  /** Goes on counting; once per pick. */
  refresh(context: PickContext): void {
    const backends = this.#backends;
    const active = this.#active;
    const withheld = this.#withheld;
    const end = Math.min(this.#next + readPerPick, backends.length);
    let countedActive = 0;
    let countedWeight = 0;
    let countedHeld = 0;
    for (let index = this.#next; index < end; index++) {
      const backend = backends[index]!;
      if (!context.mayPick(backend)) continue;
      countedActive += active[backend.slot]!;
      countedWeight += backend.weight;
      // Apart, because to multiply each time would make the loop a third slower.
      const held = withheld[backend.slot]!;
      if (held !== 0) countedHeld += backend.weight * held;
    }
    this.#countedActive += countedActive;
    this.#countedWeight += countedWeight * wholeWeight - countedHeld;
    this.#next = end;
    if (end === backends.length) this.#publish();
  }

  /** May this backend have one connection more? */
  hasRoom(index: number): boolean {
    const backend = this.#backends[index]!;
    const weight = presentWeight(backend, this.#withheld);
    // For an integer a, a < ⌈x⌉ exactly if a < x.
    return this.#active[backend.slot]! * this.#totalWeight < this.#factor * (this.#totalActive + 1) * weight;
  }

  #publish(): void {
    this.#totalActive = this.#countedActive;
    this.#totalWeight = this.#countedWeight;
    this.#countedActive = 0;
    this.#countedWeight = 0;
    this.#next = 0;
  }
}
