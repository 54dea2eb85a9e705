import type { CounterMemory } from "./counters.ts";
import { createCounterMemory, growCounterBuffer, type KindName, viewCounters } from "./layout.ts";

/** The counter memories of all workers, which grow together. The control plane alone makes them grow. */
export class WorkerCounters {
  readonly #memories: CounterMemory[];

  constructor(workers: number) {
    this.#memories = Array.from({ length: workers }, createCounterMemory);
  }

  /** By worker. The array stays the same one; a memory that grew is another view in it. */
  get memories(): readonly CounterMemory[] {
    return this.#memories;
  }

  /** Makes room for the first slots of a kind. @throws RangeError where the machine has no memory for them. */
  reserve(name: KindName, slots: number): void {
    for (const [index, { buffer, byteLength }] of this.#memories.entries()) {
      growCounterBuffer(buffer, name, slots);
      if (buffer.byteLength > byteLength) this.#memories[index] = viewCounters(buffer);
    }
  }
}
