/** How long a processor may take for what it owes. */
export class AnswerTime {
  /** When it is due, by performance.now(). */
  #due = Number.POSITIVE_INFINITY;
  /** It has got more for the present answer. */
  #isExtended = false;

  /** It begins anew. @param time in milliseconds; undefined: nothing is owed, or nobody hears it. */
  begin(time: number | undefined): void {
    this.#due = time === undefined ? Number.POSITIVE_INFINITY : performance.now() + time;
    this.#isExtended = false;
  }

  /** The processor wants more: it gets that once for each answer. @param time in milliseconds. @param most of that. */
  extend(time: number, most: number): void {
    if (this.#isExtended || time < 1 || time > most) return;
    this.#isExtended = true;
    this.#due = performance.now() + time;
  }

  /** @param now by performance.now(). */
  isOver(now: number): boolean {
    return now > this.#due;
  }
}
