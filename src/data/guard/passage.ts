import type { Decision } from "../decide/http/decide.ts";
import { ReservedNames } from "../decide/http/reserved.ts";
import type { Timed } from "../open.ts";
import { type Claims, claimText } from "./jwt/claims.ts";
import {
  type AnswerField,
  type GuardedRequest,
  type Held,
  type Refusal,
  resultOf,
  type Step,
  type Verdict,
  type Waiter,
  type Waiting,
} from "./step.ts";

/** Guards of a route, ready to be asked: of each group one has to let a request in. No group is empty. */
export type Steps = readonly (readonly Step[])[];

/** Guards of a route, and the way behind them. */
export interface Way {
  readonly steps: Steps;
  readonly onward: Decision;
}

/** The owner of the request. One of the first two calls is made, once, perhaps within {@link Passage.begin}; none after `end`. */
export interface PassageOwner {
  passed(): void;
  refused(refusal: Refusal): void;
  /** A guard has changed what routes are chosen by. @returns undefined: the request is over. */
  rerouted(): Way | undefined;
}

/**
 * The way of one request past the guards of its route. Guards that know at once take no turn of the event loop; while
 * one waits, everything else that may happen to the request may happen.
 */
export class Passage implements Waiter, Timed {
  /** The way of the request behind the guards. */
  onward: Decision;
  /** The client's name; empty: no guard has said it. */
  user = "";
  #claims: Claims | undefined = undefined;
  readonly #held: Held[] = [];
  /** Fields that backends do not get as the client sent them; undefined: none. */
  replaced: ReservedNames | undefined = undefined;
  #replaced: readonly string[] = [];
  /** Fields for the backend, and for the client, as lines. */
  requestLines = "";
  responseLines = "";
  /** Undefined: none. */
  answerFields: readonly AnswerField[] | undefined = undefined;
  #steps: Steps;
  readonly #request: GuardedRequest;
  readonly #owner: PassageOwner;
  #group = 0;
  #member = 0;
  /** The members that let the request in, of groups with several; undefined: there was none. */
  #chosen: Step[] | undefined = undefined;
  #waiting: Waiting | undefined = undefined;
  /** Of the members of the present group that were asked: the one that tells the client most. */
  #refusal: Refusal | undefined = undefined;
  #details = "";
  /** Fields that tell the client of every way in. */
  #challenges = "";

  constructor(steps: Steps, request: GuardedRequest, owner: PassageOwner, onward: Decision) {
    this.#steps = steps;
    this.#request = request;
    this.#owner = owner;
    this.onward = onward;
  }

  /** @returns whether it waits. */
  begin(): boolean {
    this.#go();
    return this.#waiting !== undefined;
  }

  #go(): void {
    while (this.#group < this.#steps.length) {
      const verdict = this.#step.judge(this.#request, this);
      if (verdict.kind === "wait") {
        this.#waiting = verdict;
        return;
      }
      if (!this.#heed(verdict)) return;
    }
    this.#owner.passed();
  }

  get #step(): Step {
    return this.#steps[this.#group]![this.#member]!;
  }

  settle(verdict: Verdict): void {
    this.#waiting = undefined;
    if (this.#heed(verdict)) this.#go();
  }

  /** @returns whether there is another guard to ask, or none is left. */
  #heed(verdict: Verdict): boolean {
    const step = this.#step;
    step.count(resultOf(verdict));
    if (verdict.kind === "pass") {
      this.user = verdict.user ?? this.user;
      this.#claims = verdict.claims ?? this.#claims;
      if (verdict.held !== undefined) this.#held.push(verdict.held);
      if (verdict.replaces !== undefined && verdict.replaces.length > 0) this.#replace(verdict.replaces);
      this.requestLines += verdict.requestLines ?? "";
      this.responseLines += verdict.responseLines ?? "";
      if (verdict.answerFields !== undefined)
        this.answerFields = [...(this.answerFields ?? []), ...verdict.answerFields];
      if (this.#steps[this.#group]!.length > 1) {
        this.#chosen ??= [];
        this.#chosen[this.#group] = step;
      }
      this.#group++;
      this.#member = 0;
      this.#refusal = undefined;
      this.#details = "";
      return verdict.reroutes !== true || this.#turn();
    }
    const { detail } = verdict;
    this.#details += `${this.#details === "" ? "" : "; "}${step.name}: ${detail}`;
    if (this.#refusal === undefined || rankOf(verdict) > rankOf(this.#refusal)) this.#refusal = verdict;
    if (verdict.reason === "auth_required") this.#challenges += verdict.lines ?? "";
    this.#member++;
    if (this.#member < this.#steps[this.#group]!.length) return true;
    this.#refuse(this.#refusal);
    return false;
  }

  /** Another route has the request: its guards follow, but those that it has passed. @returns whether the request goes on. */
  #turn(): boolean {
    const passed = this.#steps.slice(0, this.#group).map(([first], at) => this.#chosen?.[at] ?? first!);
    const way = this.#owner.rerouted();
    if (way === undefined) return false;
    const isPassed = ({ name, once }: Step): boolean =>
      passed.some((other) => other.name === name || (once !== undefined && other.once === once));
    this.onward = way.onward;
    this.#steps = [...passed.map((step) => [step]), ...way.steps.filter((group) => !group.some(isPassed))];
    this.#group = passed.length;
    return true;
  }

  #replace(names: readonly string[]): void {
    this.#replaced = [...this.#replaced, ...names];
    this.replaced = new ReservedNames(this.#replaced);
  }

  #refuse(refusal: Refusal): void {
    this.responseLines += refusal.reason === "auth_required" ? this.#challenges : (refusal.lines ?? "");
    this.#owner.refused({ ...refusal, detail: this.#details });
  }

  /** A claim of the client's token; empty: there is none. */
  claim(name: string): string {
    return this.#claims === undefined ? "" : claimText(this.#claims, name);
  }

  /** A guard waits for bytes of the client. */
  get awaitsClient(): boolean {
    return this.#waiting?.awaitsClient === true;
  }

  endIfOverdue(now: number): void {
    this.#waiting?.endIfOverdue(now);
  }

  vacate(slot: number): void {
    this.#waiting?.vacate?.(slot);
  }

  /** The request is over. */
  end(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.withdraw();
    for (const held of this.#held.splice(0)) held.giveBack();
  }
}

/** Of several refusals the highest counts: without an answer nothing is known, and whoever may say more can be asked to. */
function rankOf({ reason, answer }: Refusal): number {
  if (reason === "auth_unavailable") return 3;
  if (answer !== undefined) return 2;
  return reason === "auth_required" ? 1 : 0;
}
