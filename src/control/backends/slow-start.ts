import type { SharedMemory } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import type { Timers } from "../timers.ts";

/** What a backend that starts slowly lacks of its weight at first, in percent: with none of it, it would never warm up. */
const mostWithheld = 90;

/** Has the weights of new and recovered backends grow, and the pickers of all workers see it. */
export class SlowStarts {
  readonly #withheld: Int32Array;
  readonly #timers: Timers;
  /** By slot, when it began. */
  readonly #begun = new Map<number, number>();

  constructor({ backendWithheld }: SharedMemory, timers: Timers) {
    this.#withheld = backendWithheld;
    this.#timers = timers;
  }

  /**
   * A backend is about to be picked. It starts slowly, unless there is none with its whole weight to carry the sessions
   * meanwhile.
   * @param others that may be picked already.
   */
  begin({ slowStart }: PlacedPool, { slot, tier }: PlacedBackend, others: readonly PlacedBackend[]): void {
    if (slowStart === 0) return;
    if (!others.some((other) => other.tier === tier && this.#withheld[other.slot] === 0)) return;
    this.#begun.set(slot, this.#timers.now());
    Atomics.store(this.#withheld, slot, mostWithheld);
  }

  /** Moves the weights of a pool on. @param over a backend has its whole weight again, however long it has been starting. */
  sweep({ backends, slowStart }: PlacedPool, over: boolean): void {
    if (this.#begun.size === 0) return;
    for (const { slot } of backends) {
      const begun = this.#begun.get(slot);
      if (begun === undefined) continue;
      const left = over ? 0 : 1 - (this.#timers.now() - begun) / slowStart;
      if (left > 0) Atomics.store(this.#withheld, slot, Math.ceil(mostWithheld * left));
      else this.forget(slot);
    }
  }

  /** The backend has its whole weight, or is gone. */
  forget(slot: number): void {
    if (this.#begun.delete(slot)) Atomics.store(this.#withheld, slot, 0);
  }
}
