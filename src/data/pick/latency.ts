import { latencyCells } from "../../channel/layout.ts";

/** Time in hundredths of a second: 31 bits of them are 248 days. */
const perMillisecond = 0.1;
/** The longest latency that fits, in microseconds: 35 minutes. */
const longest = 2 ** 31 - 1;

/**
 * How long backends take to answer, as all workers measured it: an average that weighs new answers more (EWMA), jumps up
 * to a slower one at once and comes down over `decay`. The design is Finagle's (`PeakEwma`, Twitter, 2015).
 */
export class Latencies {
  readonly #cells: Int32Array;
  readonly #clock: { readonly now: number };
  readonly #decay: number;

  /**
   * @param cells {@link latencyCells} per backend slot.
   * @param clock in milliseconds, the same for all workers.
   * @param decay in milliseconds.
   */
  constructor(cells: Int32Array, clock: { readonly now: number }, decay: number) {
    this.#cells = cells;
    this.#clock = clock;
    this.#decay = decay * perMillisecond;
  }

  /**
   * The latency to expect of the next answer, in microseconds; 0 for a backend that was never measured. The longer ago it
   * was measured the less, so that a slow backend is tried again.
   */
  expected(slot: number): number {
    const cells = this.#cells;
    const latency = cells[slot * latencyCells]!;
    if (latency === 0) return 0;
    const age = this.#age(slot);
    // An integer, because the function may not be inlined, and would have to allocate the fraction that it returns.
    return age === 0 ? latency : Math.max(1, (latency * Math.exp(-age / this.#decay)) | 0);
  }

  /** An answer came. @param took in milliseconds. */
  answered(slot: number, took: number): void {
    const latency = this.#cells[slot * latencyCells]!;
    const sample = took * 1000;
    const old = sample > latency ? 0 : Math.exp(-this.#age(slot) / this.#decay);
    this.#set(slot, latency * old + sample * (1 - old));
  }

  /** An answer takes this long at least: it counts if that is longer than expected. @param took in milliseconds. */
  waited(slot: number, took: number): void {
    if (took * 1000 > this.expected(slot)) this.#set(slot, took * 1000);
  }

  /** Hundredths of a second since the last measurement. */
  #age(slot: number): number {
    // In 32 bits, in which the clock goes round; the clocks of two workers may differ by a tick.
    return Math.max(0, (this.#now() - this.#cells[slot * latencyCells + 1]!) | 0);
  }

  #set(slot: number, latency: number): void {
    this.#cells[slot * latencyCells] = Math.max(1, Math.min(longest, latency));
    this.#cells[slot * latencyCells + 1] = this.#now();
  }

  #now(): number {
    return (this.#clock.now * perMillisecond) | 0;
  }
}
