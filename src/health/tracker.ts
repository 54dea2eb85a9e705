/** The result of a backend's checks together; unknown before the first result. */
export type Verdict = "unknown" | "up" | "down";

/** Makes a verdict of results. The first result decides; then `rise` or `fall` results in a row change the verdict. */
export class Tracker {
  readonly #rise: number;
  readonly #fall: number;
  #verdict: Verdict;
  /** Number of results in a row against the verdict. */
  #against = 0;

  /** @param verdict the verdict so far. */
  constructor(limits: { readonly rise: number; readonly fall: number }, verdict: Verdict = "unknown") {
    this.#rise = limits.rise;
    this.#fall = limits.fall;
    this.#verdict = verdict;
  }

  get verdict(): Verdict {
    return this.#verdict;
  }

  /** Whether the last result speaks against the verdict. */
  get changing(): boolean {
    return this.#against > 0;
  }

  /** @returns whether the verdict changed. */
  record(passed: boolean): boolean {
    const found = passed ? "up" : "down";
    if (found === this.#verdict) {
      this.#against = 0;
      return false;
    }
    const needed = this.#verdict === "unknown" ? 1 : passed ? this.#rise : this.#fall;
    if (++this.#against < needed) return false;
    this.#verdict = found;
    this.#against = 0;
    return true;
  }
}
