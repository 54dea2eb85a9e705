import { setImmediate as turn } from "node:timers/promises";

/** The longest time for which others wait, in milliseconds. */
const longest = 5;

/** Long work of a thread that has other things to do, cut into slices between which they have their turn. */
export class Slices {
  #began = performance.now();

  /** Whether it is time to let others have their turn. */
  get isOver(): boolean {
    return performance.now() - this.#began >= longest;
  }

  /** Between two steps of the work: resolves at once while the slice is short, otherwise after everything that waits. */
  async next(): Promise<void> {
    if (!this.isOver) return;
    await turn();
    this.#began = performance.now();
  }
}
