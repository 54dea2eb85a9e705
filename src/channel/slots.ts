import { type KindName, kindNames, layout } from "./layout.ts";
import type { SharedMemory } from "./memory.ts";
import type { WorkerCounters } from "./worker-counters.ts";

/** Hands out the indexes of one kind of thing in shared memory, lowest first. */
export class Slots {
  readonly #free: number[] = [];
  readonly #capacity: number;
  readonly #used: (count: number) => void;
  #next = 0;

  /** @param used is told how many were ever taken, when it is one more. */
  constructor(capacity: number, used: (count: number) => void = () => {}) {
    this.#capacity = capacity;
    this.#used = used;
  }

  /** @returns undefined when all are taken. */
  take(): number | undefined {
    const slot = this.#free.pop();
    if (slot !== undefined || this.#next === this.#capacity) return slot;
    this.#used(this.#next + 1);
    return this.#next++;
  }

  /** How many are not taken. */
  get free(): number {
    return this.#capacity - this.#next + this.#free.length;
  }

  /** Only for a slot that no worker counts in any more. */
  giveBack(slot: number): void {
    this.#free.push(slot);
  }
}

/** The slots of a kind, of which there is one hander-out. The counters of those that were ever taken have room. */
export function slotsOf(name: KindName, { used }: SharedMemory, counters: WorkerCounters): Slots {
  const index = kindNames.indexOf(name);
  return new Slots(layout[name].capacity, (count) => {
    counters.reserve(name, count);
    Atomics.store(used, index, count);
  });
}
