import { backendCell, listenerCell, poolCell } from "./counters.ts";
import { backendCapacity, listenerCapacity, poolCapacity } from "./memory.ts";

/** Hands out the indexes of one kind of thing in shared memory, lowest first. */
export class Slots {
  readonly #free: number[] = [];
  #next = 0;
  readonly #capacity: number;
  readonly #firstCounter: number;
  readonly #counterCells: number;

  constructor(capacity: number, firstCounter: number, counterCells: number) {
    this.#capacity = capacity;
    this.#firstCounter = firstCounter;
    this.#counterCells = counterCells;
  }

  /** @returns undefined when all are taken. */
  take(): number | undefined {
    return this.#free.pop() ?? (this.#next < this.#capacity ? this.#next++ : undefined);
  }

  /** How many are not taken. */
  get free(): number {
    return this.#capacity - this.#next + this.#free.length;
  }

  /** Only for a slot that no worker counts in any more. */
  giveBack(slot: number): void {
    this.#free.push(slot);
  }

  /** Index of the first counter of a slot, in every worker's counter memory. */
  counters(slot: number): number {
    return this.#firstCounter + slot * this.#counterCells;
  }

  get counterCells(): number {
    return this.#counterCells;
  }
}

const firstPool = listenerCapacity * listenerCell.size;
const firstBackend = firstPool + poolCapacity * poolCell.size;

export const listenerSlots = (): Slots => new Slots(listenerCapacity, 0, listenerCell.size);
export const poolSlots = (): Slots => new Slots(poolCapacity, firstPool, poolCell.size);
export const backendSlots = (): Slots => new Slots(backendCapacity, firstBackend, backendCell.size);
