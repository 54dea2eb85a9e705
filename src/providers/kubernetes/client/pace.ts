import { setTimeout as sleep } from "node:timers/promises";

/** Where many share a pace, all of them have a turn within this time, in milliseconds. */
const round = 10_000;

/**
 * Holds requests back to a rate, first come, first served. Credit for pauses is bounded, so a storm of reasons to ask
 * becomes no storm of requests.
 */
export class Pace {
  /** Milliseconds between two requests; the usual ones. */
  #interval: number;
  readonly #usual: number;
  readonly #burst: number;
  readonly #now: () => number;
  /** Requests that need not wait, beside the rate. */
  #free: number;
  /** How many have shared it, at most. */
  #most = 0;
  /** When the next one would go if there were no burst. */
  #next = Number.NEGATIVE_INFINITY;

  /**
   * @param perSecond requests in the long run. @param burst how many go at once after a pause.
   * @param free how many of the first ones don't count: those of a start.
   */
  constructor(perSecond: number, burst: number, free = 0, now: () => number = () => performance.now()) {
    this.#usual = 1_000 / perSecond;
    this.#interval = this.#usual;
    this.#burst = burst;
    this.#free = free;
    this.#now = now;
  }

  /** So many share it now. The first request of each does not count. */
  shareBy(count: number): void {
    this.#free += Math.max(0, count - this.#most);
    this.#most = Math.max(count, this.#most);
    this.#interval = Math.min(this.#usual, round / Math.max(1, count));
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
