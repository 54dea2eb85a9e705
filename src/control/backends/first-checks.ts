import type { Timers } from "../timers.ts";

/** First checks that are under way at a time. */
const most = 128;
/** A check that takes longer waits for its backend rather than for this process, and stands in nobody's way, in milliseconds. */
const longest = 250;

/**
 * Lets the first checks of backends begin, a limited number at a time: a thousand TLS handshakes that begin together
 * keep this process, or the machines of the backends, busy for longer than their timeout.
 */
export class FirstChecks {
  readonly #timers: Timers;
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /**
   * @param begin called at once, or when others are over.
   * @returns to be called when the check is over, or no longer wanted.
   */
  enter(begin: () => void): () => void {
    let leave = (): void => void this.#waiting.delete(start);
    const start = (): void => {
      this.#running++;
      const cancel = this.#timers.after(longest, () => leave());
      leave = () => {
        leave = () => {};
        cancel();
        this.#running--;
        this.#next();
      };
      begin();
    };
    if (this.#running < most) start();
    else this.#waiting.add(start);
    return () => leave();
  }

  /** Checks that have not begun never do. */
  stop(): void {
    this.#waiting.clear();
  }

  #next(): void {
    const [start] = this.#waiting;
    if (start === undefined || this.#running >= most) return;
    this.#waiting.delete(start);
    start();
  }
}
