import type { Delay } from "../../model/http/guard.ts";
import { type GuardedRequest, pass, type Verdict, type Waiter, type Waiting } from "./step.ts";

/** Requests of a worker that wait for one delay at a time: more of them go on at once. */
const mostWaiting = 10_000;

/** Holds up a part of the requests, and lets all of them pass. */
export class DelayJudge {
  readonly #delay: Delay;
  waiting = 0;

  constructor(delay: Delay) {
    this.#delay = delay;
  }

  judge(_request: GuardedRequest, waiter: Waiter): Verdict | Waiting {
    const { percent, time } = this.#delay;
    if (this.waiting >= mostWaiting || Math.random() * 100 >= percent) return pass;
    return new DelayedRequest(this, waiter, time);
  }
}

/** It has a timer of its own, because ticks of the sweep may be half a second apart. */
class DelayedRequest implements Waiting {
  readonly kind = "wait";
  readonly #judge: DelayJudge;
  readonly #timer: NodeJS.Timeout;

  constructor(judge: DelayJudge, waiter: Waiter, time: number) {
    judge.waiting++;
    this.#judge = judge;
    this.#timer = setTimeout(() => {
      this.#judge.waiting--;
      waiter.settle(pass);
    }, time);
  }

  /** Called once at most, and not behind the verdict. */
  withdraw(): void {
    clearTimeout(this.#timer);
    this.#judge.waiting--;
  }

  endIfOverdue(): void {}
}
