import type { Verdict, Waiter, Waiting } from "./step.ts";

/** The verdict of a guard that asks somebody: given once, at once or to whoever waits for it. */
export class Settlement {
  /** Undefined: it is given, or nobody wants it any more. */
  #waiter: Waiter | undefined;
  /** Where it came while the question was still being made. */
  #early: Verdict | undefined = undefined;
  #isAsking = true;

  constructor(waiter: Waiter) {
    this.#waiter = waiter;
  }

  get isOpen(): boolean {
    return this.#waiter !== undefined;
  }

  /** The question is made. @param waiting stands for the verdict where it is yet to come. */
  asked(waiting: Waiting): Verdict | Waiting {
    this.#isAsking = false;
    return this.#early ?? waiting;
  }

  settle(verdict: Verdict): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) return;
    if (this.#isAsking) this.#early = verdict;
    else waiter.settle(verdict);
  }

  withdraw(): void {
    this.#waiter = undefined;
  }
}
