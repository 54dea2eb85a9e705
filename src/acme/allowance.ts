/** Orders that may follow each other at once, and the time in which another one may be made, in milliseconds: 300 in three hours, the limit of Let's Encrypt. */
const mostAtOnce = 50;
export const timePerOrder = 36_000;

/** How many orders may be made now: as many at once as an authority bears, then one in a while. */
export class OrderAllowance {
  readonly #now: () => number;
  #orders = mostAtOnce;
  /** When so many were left, in milliseconds. */
  #at: number;

  /** @param now gives the time, in milliseconds. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#at = now();
  }

  /** Takes an order. @returns the time until one may be made, in milliseconds; 0: it may be made now. */
  take(): number {
    const now = this.#now();
    const left = Math.min(mostAtOnce, this.#orders + (now - this.#at) / timePerOrder);
    if (left < 1) return (1 - left) * timePerOrder;
    this.#orders = left - 1;
    this.#at = now;
    return 0;
  }
}
