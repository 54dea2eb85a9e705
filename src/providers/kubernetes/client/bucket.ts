/** Whoever waits for a token. */
interface Waiter {
  readonly go: () => void;
  readonly isUrgent: boolean;
}

/**
 * Holds requests back by one bucket of tokens: each takes one, and one whose answer was good gives it back. So many requests
 * that fail together are as few as the bucket fills, and many that succeed are as fast as the server answers. Urgent ones go
 * first, and otherwise those that came first.
 */
export class Bucket {
  /** Milliseconds in which a token comes. */
  readonly #interval: number;
  readonly #most: number;
  readonly #now: () => number;
  readonly #waiting: Waiter[] = [];
  #tokens: number;
  #filledAt: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param perSecond tokens that come. @param most how many there are after a pause. @param now in milliseconds. */
  constructor(perSecond: number, most: number, now: () => number = () => performance.now()) {
    this.#interval = 1_000 / perSecond;
    this.#most = most;
    this.#tokens = most;
    this.#now = now;
    this.#filledAt = now();
  }

  /** Resolves when a request may go. @throws AbortError as soon as `signal` aborts. */
  async turn(signal: AbortSignal, isUrgent = false): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      const place = this.#waiting.indexOf(waiter);
      if (place >= 0) this.#waiting.splice(place, 1);
      reject(signal.reason);
    };
    const go = (): void => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const waiter = { go, isUrgent };
    signal.addEventListener("abort", leave, { once: true });
    const first = isUrgent ? this.#waiting.findIndex((each) => !each.isUrgent) : -1;
    this.#waiting.splice(first < 0 ? this.#waiting.length : first, 0, waiter);
    this.#serve();
    await promise;
  }

  /** A request has succeeded. */
  giveBack(): void {
    this.#fill();
    this.#tokens = Math.min(this.#most, this.#tokens + 1);
    this.#serve();
  }

  #fill(): void {
    const now = this.#now();
    this.#tokens = Math.min(this.#most, this.#tokens + (now - this.#filledAt) / this.#interval);
    this.#filledAt = now;
  }

  #serve(): void {
    this.#fill();
    // A timer may strike a little early.
    while (this.#waiting.length > 0 && this.#tokens > 0.999) {
      this.#tokens--;
      this.#waiting.shift()!.go();
    }
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => this.#serve(), Math.ceil((1 - this.#tokens) * this.#interval));
  }
}
