import { setImmediate as turn } from "node:timers/promises";
import type { Timers } from "../../src/control/timers.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Time that stands still until a test moves it. */
export class FakeTimers implements Timers {
  readonly #timers = new Set<Timer>();
  #now = 0;

  now(): number {
    return this.#now;
  }

  after(time: number, run: () => void): () => void {
    const timer = { at: this.#now + time, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves the time, step by step, and lets everything settle that follows from each step. */
  async advance(time: number): Promise<void> {
    const end = this.#now + time;
    await turn();
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.run();
      await turn();
    }
    this.#now = end;
  }
}
