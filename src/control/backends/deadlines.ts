import type { Timers } from "../timers.ts";

interface Deadline {
  readonly at: number;
  readonly cancel: () => void;
}

/** Times at which something is to happen to named things; a deadline that has passed is kept until it is cleared. */
export class Deadlines {
  readonly #deadlines = new Map<string, Deadline>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  has(name: string): boolean {
    return this.#deadlines.has(name);
  }

  /** Milliseconds that are left; infinitely many without a deadline. */
  left(name: string): number {
    const at = this.#deadlines.get(name)?.at ?? Number.POSITIVE_INFINITY;
    return Math.max(0, at - this.#timers.now());
  }

  /** @param time in milliseconds; it replaces an earlier one. @param over what is to happen then. */
  set(name: string, time: number, over: () => void): void {
    this.clear(name);
    const cancel = this.#timers.after(time, over);
    this.#deadlines.set(name, { at: this.#timers.now() + time, cancel });
  }

  clear(name: string): void {
    this.#deadlines.get(name)?.cancel();
    this.#deadlines.delete(name);
  }

  clearAll(): void {
    for (const name of this.#deadlines.keys()) this.clear(name);
  }
}
