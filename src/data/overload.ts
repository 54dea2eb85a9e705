import { getHeapStatistics } from "node:v8";
import { longestDelay, mostMemory, noLimit, type SharedMemory } from "../channel/memory.ts";
import { nextShedding, noShedding, type Shedding } from "./decide/overload.ts";

/** How often it is looked whether the event loop is late, in milliseconds. */
const period = 100;
/** The heap is looked at with each so many looks. */
const looksPerHeap = 10;

/** Watches the event loop and the heap of a worker, so that it refuses requests before it can't serve those that it has. */
export class LoadWatch {
  readonly #shared: SharedMemory;
  readonly #worker: number;
  #shedding: Shedding = noShedding;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #looks = 0;
  /** The worker's heap is nearly full. */
  isHeapShort = false;

  constructor(shared: SharedMemory, worker: number) {
    this.#shared = shared;
    this.#worker = worker;
  }

  /** How many of a thousand new requests are to be refused. */
  get share(): number {
    return this.#shedding.share;
  }

  start(): void {
    this.#due = performance.now() + period;
    this.#timer = setInterval(() => this.look(performance.now()), period).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param now by performance.now(). */
  look(now: number): void {
    const { process, workerShed } = this.#shared;
    const limit = process[longestDelay]!;
    this.#shedding =
      limit === noLimit ? noShedding : nextShedding(this.#shedding, Math.max(0, now - this.#due), limit);
    this.#due = now + period;
    workerShed[this.#worker] = this.#shedding.share;
    this.#looks++;
    if (this.#looks % looksPerHeap === 0) this.isHeapShort = isFull(process[mostMemory]!);
  }
}

/** @param most in percent. */
function isFull(most: number): boolean {
  if (most === noLimit) return false;
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used * 100 > limit * most;
}
