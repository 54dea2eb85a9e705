/** What the checks say of a backend; unknown before the first result. */
export type Verdict = "unknown" | "up" | "down";

/** Makes a verdict of results: the first one decides, from then on it takes `rise` or `fall` in a row to change it. */
export class Tracker {
  readonly #rise: number;
  readonly #fall: number;
  #verdict: Verdict;
  /** Results in a row that speak against the verdict. */
  #against = 0;

  /** @param verdict what is known already. */
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
