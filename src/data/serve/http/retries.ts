import type { RequestReason } from "../../../model/reasons.ts";

/** The memory of a request from its first failed attempt on; requests without one have none. */
export class Retries {
  /** How often the request was sent again. */
  count = 0;
  /** Why the last attempt failed that reached a backend: what the client is told if no other one can be made; undefined: none did. */
  reason: RequestReason | undefined = undefined;
  /** The next attempt is not to take a connection that was idle. */
  needsNew = false;
  #due = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined = undefined;
  #again: (() => void) | undefined = undefined;

  /** Makes the next attempt in so many milliseconds; at once, where that is 0. */
  wait(time: number, again: () => void): void {
    this.count++;
    if (time === 0) {
      again();
      return;
    }
    this.#due = performance.now() + time;
    this.#again = again;
    // The sweep comes by too seldom.
    this.#timer = setTimeout(() => this.#go(), time);
  }

  /** Makes the next attempt if it is due. @param now by performance.now(). */
  goIfDue(now: number): void {
    if (now >= this.#due) this.#go();
  }

  #go(): void {
    const again = this.#again;
    this.stop();
    again?.();
  }

  /** Makes no other attempt. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
    this.#again = undefined;
  }
}
