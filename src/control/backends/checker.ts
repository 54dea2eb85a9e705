import type { CheckTarget, HealthCheck } from "../../health/check.ts";
import { checkedTarget } from "../../health/registry.ts";
import { Tracker, type Verdict } from "../../health/tracker.ts";
import type { CheckSpec } from "../../model/health.ts";
import { jittered, type Timers } from "../timers.ts";
import type { FirstChecks } from "./first-checks.ts";

/** The interval while a verdict is about to change, in milliseconds, unless the configured one is shorter. */
const changingInterval = 1000;

/**
 * Checks begin on the beat of a clock, in milliseconds: several at a time cost much less than as many that each wake
 * the thread up.
 */
const longestBeat = 50;

/** The surroundings that a checker works in. */
export interface CheckerSurroundings {
  readonly timers: Timers;
  readonly firstChecks: FirstChecks;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Called after each check. @param failure why it failed; undefined: it passed. */
  checked(failure: Error | undefined, changed: boolean): void;
}

/** Checks one backend again and again, beginning at once. */
export class Checker {
  readonly #spec: CheckSpec;
  #check: HealthCheck;
  readonly #target: CheckTarget;
  readonly #surroundings: CheckerSurroundings;
  readonly #tracker: Tracker;
  /** Ends what is under way: a check, or the wait for the next one. */
  #cancel: () => void = () => {};
  /** Lets the next first check begin. */
  #leave: () => void = () => {};
  #stopped = false;
  readonly #firstResult = Promise.withResolvers<void>();

  /** @param known what is known of the backend already. */
  constructor(
    spec: CheckSpec,
    check: HealthCheck,
    backend: CheckTarget,
    known: Verdict,
    surroundings: CheckerSurroundings,
  ) {
    this.#spec = spec;
    this.#check = check;
    this.#target = checkedTarget(spec, backend);
    this.#tracker = new Tracker(spec, known);
    this.#surroundings = surroundings;
  }

  /** Resolves with the first result, or when it is stopped. */
  get firstResult(): Promise<void> {
    return this.#firstResult.promise;
  }

  /** Begins as soon as there are not too many first checks under way. */
  start(): void {
    this.#leave = this.#surroundings.firstChecks.enter(() => this.#run(true));
  }

  /** @param first spreads the checks that follow over the interval. */
  #run(first: boolean): void {
    const { timers } = this.#surroundings;
    const began = timers.now();
    const { timeout } = this.#spec;
    const done = (failure: Error | undefined): void => {
      expire();
      if (!isOurs(failure)) this.#record(failure);
      if (this.#stopped) return;
      const beat = Math.min(longestBeat, this.#spec.interval / 20);
      const next = Math.round((began + this.#wait(first)) / beat) * beat;
      this.#cancel = timers.after(Math.max(0, next - timers.now()), () => this.#run(false));
    };
    const expire = timers.after(timeout, () => {
      end();
      done(new Error(`no answer within ${timeout} ms`));
    });
    const end = this.#check.check(this.#target, done);
    this.#cancel = () => {
      expire();
      end();
    };
  }

  /** Goes on with another check, from the next time on; what is known of the backend stays. */
  use(check: HealthCheck): void {
    this.#check = check;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#endFirst();
  }

  #record(failure: Error | undefined): void {
    const changed = this.#tracker.record(failure === undefined);
    this.#surroundings.checked(failure, changed);
    this.#endFirst();
  }

  #endFirst(): void {
    this.#firstResult.resolve();
    this.#leave();
  }

  /** From the start of one check to the next. */
  #wait(first: boolean): number {
    const { interval } = this.#spec;
    const { random } = this.#surroundings;
    if (this.#tracker.changing) return jittered(Math.min(interval, changingInterval), random);
    return first ? interval * random() : jittered(interval, random);
  }
}

/** A check that this process could not even make says nothing about the backend. */
function isOurs(failure: NodeJS.ErrnoException | undefined): boolean {
  return failure?.code === "EMFILE" || failure?.code === "ENFILE" || failure?.code === "EADDRNOTAVAIL";
}
