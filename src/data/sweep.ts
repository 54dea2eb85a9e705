import { clock, followTimeOfDay, readTime } from "./clock.ts";
import type { Timed } from "./open.ts";

/**
 * One timer for all that is open in a worker instead of several for each connection: it sets the coarse clock, ends
 * what has overstayed, and shows that the event loop turns. A timeout is never early, and at most two ticks late.
 */
export class Sweep {
  readonly #all: Iterable<Timed>;
  readonly #kept: readonly Timed[];
  readonly #turned: () => void;
  #timer: NodeJS.Timeout | undefined;
  #tickTime = 0;

  /**
   * @param kept end what overstays among what is open to backends and is nobody's own.
   * @param turned is called at least twice a second, as long as the event loop turns.
   */
  constructor(all: Iterable<Timed>, kept: readonly Timed[], turned: () => void) {
    this.#all = all;
    this.#kept = kept;
    this.#turned = turned;
  }

  /** @param shortestTimeout of all listeners and pools, in milliseconds: the tick is a tenth of it, 10 ms to 500 ms. */
  start(shortestTimeout: number): void {
    const tickTime = Math.min(500, Math.max(10, shortestTimeout / 10));
    // Changes may come faster than ticks, and must not put them off.
    if (tickTime === this.#tickTime) return;
    this.#tickTime = tickTime;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), tickTime);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.#turned();
    // Bytes that moved since the last tick are stamped with its time, though they moved later: by that time, a timeout
    // is rather a tick late than early, however late the ticks of a busy machine are.
    const before = clock.now;
    clock.now = readTime();
    followTimeOfDay();
    for (const timed of this.#all) timed.endIfOverdue(before);
    for (const timed of this.#kept) timed.endIfOverdue(before);
  }
}
