import type { RetryPolicy, RetryTrigger } from "../../../../model/http/retry.ts";
import type { RequestReason } from "../../../../model/reasons.ts";
import { isAnswer, isBlameless, serves } from "../../../decide/http/retry.ts";
import type { BackendSide } from "./backend-side.ts";

/** A request that may be sent again. */
export interface Repeated {
  readonly backend: BackendSide;
  readonly head: { readonly method: string };
  readonly retry: RetryPolicy;
  /** All that was sent of it can be sent once more. */
  readonly isThere: boolean;
  /** When the last byte of it went to the backend, or its head, by performance.now(). */
  readonly asked: number;
  /** When the present attempt began, by performance.now(). */
  readonly tried: number;
  /** No answer has come, and none will: that counts against the backend. */
  notAnswered(): void;
  /** There is no backend until the next attempt. */
  backsOff(): void;
  /** Makes the next attempt. */
  again(): void;
}

/** The memory of a request from its first failed attempt on; requests without one have none. */
export class Retries {
  /** Why the last attempt failed that reached a backend: what the client is told if no other one can be made; undefined: none did. */
  reason: RequestReason | undefined = undefined;
  /** Whether the next attempt is not to take a connection that was idle; undefined: no attempt has reached a backend. */
  needsNew: boolean | undefined = undefined;
  readonly #request: Repeated;
  /** How often the request was sent again. */
  #count = 0;
  #due = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(request: Repeated) {
    this.#request = request;
  }

  /**
   * An attempt has failed, or its answer is one that may be replaced.
   * @param reason how the request ends where no other attempt can be made then.
   * @returns whether the request is on its way once more, or will be.
   */
  repeats(trigger: RetryTrigger | number, reason: RequestReason): boolean {
    const request = this.#request;
    const { backend } = request;
    const wait = this.#decide(trigger);
    if (wait === undefined) return false;
    this.reason = reason;
    this.needsNew = trigger === "reused-reset";
    if (isAnswer(trigger)) backend.dispatch.answered(request.asked, serves(trigger));
    else if (!isBlameless(trigger)) request.notAnswered();
    request.backsOff();
    backend.leave(trigger !== "reused-reset");
    this.#wait(wait);
    return true;
  }

  /** None of the backends can be connected: an attempt has failed, though nothing was sent. @returns as {@link repeats}. */
  startsOver(): boolean {
    const wait = this.#decide("connect-failed");
    if (wait === undefined) return false;
    this.#request.backsOff();
    this.#request.backend.leaveAll();
    this.#wait(wait);
    return true;
  }

  /** @returns how long to wait, in milliseconds; undefined: no other attempt is made. */
  #decide(trigger: RetryTrigger | number): number | undefined {
    const { backend, head, retry, isThere, tried } = this.#request;
    const failed = { trigger, method: head.method, retries: this.#count, isWhole: isThere };
    const decision = backend.decide(retry, failed, tried);
    return decision.kind === "again" ? decision.wait : undefined;
  }

  /** Makes the next attempt in so many milliseconds; at once, where that is 0. */
  #wait(time: number): void {
    this.#count++;
    if (time === 0) {
      this.#request.again();
      return;
    }
    this.#due = performance.now() + time;
    // The sweep comes by too seldom.
    this.#timer = setTimeout(() => this.#go(), time);
  }

  /** Makes the next attempt if it is due. @param now by performance.now(). */
  goIfDue(now: number): void {
    if (now >= this.#due) this.#go();
  }

  #go(): void {
    this.stop();
    this.#request.again();
  }

  /** Makes no other attempt. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
  }
}
