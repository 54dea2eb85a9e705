import type { SharedMemory } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { ManagedPool } from "../state/managed-pool.ts";
import type { Timers } from "../timers.ts";

/**
 * The part of its weight that a backend lacks when it begins to start slowly, in percent: with no weight at all it would
 * never warm up.
 */
const mostWithheld = 90;

/** The part of a pool that a slow start looks at. */
export type StartingPool = Pick<ManagedPool, "panic"> & {
  readonly placed: Pick<ManagedPool["placed"], "slowStart">;
};

/** Has the weights of new and recovered backends grow, and the pickers of all workers see it. */
export class SlowStarts {
  readonly #withheld: Int32Array;
  readonly #timers: Timers;
  /** By slot, when it began, and in which pool. */
  readonly #begun = new Map<number, { readonly at: number; readonly pool: StartingPool }>();

  constructor({ backendWithheld }: SharedMemory, timers: Timers) {
    this.#withheld = backendWithheld;
    this.#timers = timers;
  }

  /**
   * A backend is about to be picked. It starts slowly, unless there is none with its whole weight to carry the sessions
   * meanwhile.
   * @param others that may be picked already.
   */
  begin(pool: StartingPool, { slot, tier }: PlacedBackend, others: readonly PlacedBackend[]): void {
    if (pool.placed.slowStart === 0) return;
    if (!others.some((other) => other.tier === tier && this.#withheld[other.slot] === 0)) return;
    this.#begun.set(slot, { at: this.#timers.now(), pool });
    Atomics.store(this.#withheld, slot, mostWithheld);
  }

  /** Moves the weights on. In a pool that fails open, a backend has its whole weight at once, however long it has been starting. */
  sweep(): void {
    for (const [slot, { at, pool }] of this.#begun) {
      const { slowStart } = pool.placed;
      const left = pool.panic.length === 0 ? 1 - (this.#timers.now() - at) / slowStart : 0;
      if (left > 0) Atomics.store(this.#withheld, slot, Math.ceil(mostWithheld * left));
      else this.forget(slot);
    }
  }

  /** The backend has its whole weight, or is gone. */
  forget(slot: number): void {
    if (this.#begun.delete(slot)) Atomics.store(this.#withheld, slot, 0);
  }
}
