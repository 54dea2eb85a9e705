import { type Blocks, blocksOf, type KindName, kindNames } from "./layout.ts";
import type { SharedMemory } from "./memory.ts";

/** Hands out the indexes of one kind of thing in shared memory, lowest first. */
export class Slots {
  readonly #free: number[] = [];
  readonly #blocks: Blocks;
  readonly #used: (count: number) => void;
  #next = 0;

  /** @param used is told how many were ever taken, when it is one more. */
  constructor(blocks: Blocks, used: (count: number) => void = () => {}) {
    this.#blocks = blocks;
    this.#used = used;
  }

  /** @returns undefined when all are taken. */
  take(): number | undefined {
    const slot = this.#free.pop();
    if (slot !== undefined || this.#next === this.#blocks.capacity) return slot;
    this.#used(this.#next + 1);
    return this.#next++;
  }

  /** How many are not taken. */
  get free(): number {
    return this.#blocks.capacity - this.#next + this.#free.length;
  }

  /** Only for a slot that no worker counts in any more. */
  giveBack(slot: number): void {
    this.#free.push(slot);
  }

  /** Index of the first counter of a slot, in every worker's counter memory. */
  counters(slot: number): number {
    return this.#blocks.first + slot * this.#blocks.size;
  }

  get counterCells(): number {
    return this.#blocks.size;
  }
}

/** The slots of a kind, of which there is one hander-out. */
export function slotsOf(name: KindName, { used }: SharedMemory): Slots {
  const index = kindNames.indexOf(name);
  return new Slots(blocksOf(name), (count) => Atomics.store(used, index, count));
}
