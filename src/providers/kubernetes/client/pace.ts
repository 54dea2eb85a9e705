import { setTimeout as sleep } from "node:timers/promises";

/**
 * Holds requests back to a rate, first come, first served. Credit for pauses is bounded, so a storm of reasons to ask
 * becomes no storm of requests.
 */
export class Pace {
  /** Milliseconds between two requests. */
  readonly #interval: number;
  readonly #burst: number;
  readonly #now: () => number;
  /** Requests that need not wait, beside the rate. */
  #free: number;
  /** When the next one would go if there were no burst. */
  #next = Number.NEGATIVE_INFINITY;

  /**
   * @param perSecond requests in the long run. @param burst how many go at once after a pause.
   * @param free how many of the first ones don't count: those of a start.
   */
  constructor(perSecond: number, burst: number, free = 0, now: () => number = () => performance.now()) {
    this.#interval = 1_000 / perSecond;
    this.#burst = burst;
    this.#free = free;
    this.#now = now;
  }

  /** Takes a place among the requests. @returns how long to wait for it, in milliseconds. */
  take(): number {
    if (this.#free > 0) {
      this.#free--;
      return 0;
    }
    const now = this.#now();
    const at = Math.max(this.#next, now - (this.#burst - 1) * this.#interval);
    this.#next = at + this.#interval;
    return Math.max(0, at - now);
  }

  /** Resolves when a request may go. @throws AbortError as soon as `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const wait = this.take();
    if (wait > 0) await sleep(wait, undefined, { signal });
    signal.throwIfAborted();
  }
}
