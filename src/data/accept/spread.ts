import { clock } from "../clock.ts";

/** How many connections a worker gives away at once, */
const burst = 16;
/** and how many a second: one costs 110 µs of CPU time, most of it in the main thread, so 0.1 % of a core. */
const perSecond = 10;

/**
 * Decides whether a worker keeps a connection that it accepted. The kernel spreads connections by the hash of their
 * addresses: many come out even, but of four long ones all are on the same one of two workers in one case of eight.
 * It is worth giving one away where the worker would have at least two more than another one, and a quarter more.
 */
export class Spread {
  readonly #open: Int32Array;
  readonly #own: number;
  #tokens = burst;
  #refilled = clock.now;

  /** @param open connections of each worker, by index. @param own this worker's index. */
  constructor(open: Int32Array, own: number) {
    this.#open = open;
    this.#own = own;
  }

  /** Whether to give away the connection that was just accepted, and is not counted yet. */
  givesAway(): boolean {
    const own = this.#open[this.#own]!;
    if (own === 0) return false;
    let least = own;
    for (const other of this.#open) if (other < least) least = other;
    return own > least && own >= 1.25 * least && this.#takeToken();
  }

  #takeToken(): boolean {
    const elapsed = (clock.now - this.#refilled) / 1000;
    this.#refilled = clock.now;
    this.#tokens = Math.min(burst, this.#tokens + elapsed * perSecond);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
