import {
  isOfCalls,
  type RetryPolicy,
  type RetryRefusal,
  type RetryTrigger,
  retryTriggers,
} from "../../../model/http/retry.ts";
import { type RequestReason, requestReasons } from "../../../model/reasons.ts";

/** The facts for a decision about one more attempt. */
export interface FailedTry {
  /** The failure; a number is the status of the answer. */
  readonly trigger: RetryTrigger | number;
  readonly method: string;
  /** How often the request was sent again before. */
  readonly retries: number;
  /** All of the request that was sent can be sent once more. */
  readonly isWhole: boolean;
  /** The time that is left for the request, in milliseconds; infinite where nobody limits it. */
  readonly left: number;
}

/**
 * Whether a request is sent once more, after how many milliseconds, and if not, why. `unasked`: the route's `retry.on` does
 * not have what went wrong.
 */
export type RetryDecision =
  | { readonly kind: "again"; readonly wait: number }
  | { readonly kind: "give-up"; readonly why: RetryRefusal }
  | { readonly kind: "unasked" };

const giveUp = (why: RetryRefusal): RetryDecision => ({ kind: "give-up", why });
const unasked: RetryDecision = { kind: "unasked" };

/** @param random uniform in [0, 1). */
export function decideRetry(
  policy: RetryPolicy,
  { trigger, method, retries, isWhole, left }: FailedTry,
  random: () => number = Math.random,
): RetryDecision {
  if (!isListed(policy, trigger)) return unasked;
  if (isByMethod(trigger) && !maySendTwice(policy, method)) return giveUp("method");
  if (retries >= mostRetries(policy, trigger)) return giveUp("attempts");
  if (!isWhole) return giveUp("body");
  const wait = isBlameless(trigger) ? 0 : backoff(policy, retries, random);
  return wait >= left ? giveUp("deadline") : { kind: "again", wait };
}

/** How often at least a request is sent again at which nobody looked: connections that end come in rows. */
const leastRefusals = 5;

const mostRetries = ({ attempts }: RetryPolicy, trigger: FailedTry["trigger"]): number =>
  trigger === "refused-stream" ? Math.max(attempts, leastRefusals) : attempts;

/** Whether the route's `retry.on` has what went wrong. */
export const isListed = ({ on, statuses }: RetryPolicy, trigger: FailedTry["trigger"]): boolean =>
  typeof trigger === "number" ? statuses.includes(trigger) : on.includes(trigger);

const isByMethod = (trigger: FailedTry["trigger"]): boolean =>
  typeof trigger === "number" || retryTriggers[trigger].byMethod;

/** The backend is not to be blamed for it: it need not be given time. */
export const isBlameless = (trigger: FailedTry["trigger"]): boolean =>
  trigger === "reused-reset" || trigger === "refused-stream";

/**
 * Whether it counts against a backend that a request ended so, of which it had sent no answer: where the fault is on its
 * side, and it has neither said that it did not look at the request, nor been about to say more than it may.
 */
export const isBlamed = (reason: RequestReason): boolean =>
  requestReasons[reason].origin === "backend" &&
  reason !== "backend_refused" &&
  reason !== "response_too_large";

/** Whether a method may be sent again that a backend may have had. */
export const maySendTwice = ({ methods }: RetryPolicy, method: string): boolean =>
  methods === "all" || methods.includes(method);

/** Whether a request may be sent again where the connection that it was sent over ends. */
export function survivesReuse(
  policy: RetryPolicy,
  { method, length }: { readonly method: string; readonly length: number },
): boolean {
  const isKept = length >= 0 && length <= policy.buffer;
  return isKept && policy.on.includes("reused-reset") && maySendTwice(policy, method);
}

/** So much of a request's body is kept at least for a backend that may say that it has not looked at it; in bytes. */
const leastKept = 16_384;

/**
 * How much of a request's body is kept to be sent once more, in bytes.
 * @param mayRefuse the backend can say that it did not look at it.
 * @param call of gRPC; undefined: it is none.
 */
export function mostKept(policy: RetryPolicy, method: string, mayRefuse: boolean, call?: object): number {
  if (mayRefuse && policy.on.includes("refused-stream")) return Math.max(policy.buffer, leastKept);
  return maySendTwice(policy, method) || (call !== undefined && policy.on.some(isOfCalls))
    ? policy.buffer
    : 0;
}

/** Full jitter, so that requests that failed together do not come back together (Brooker, 2015). In milliseconds. */
function backoff({ backoff: { base, max } }: RetryPolicy, retries: number, random: () => number): number {
  return random() * Math.min(max, base * 2 ** retries);
}

/** Whether it failed with an answer. */
export const isAnswer = (trigger: FailedTry["trigger"]): boolean =>
  typeof trigger === "number" || isOfCalls(trigger);

/** Whether an answer says that its backend works. */
export const serves = (status: FailedTry["trigger"]): boolean =>
  status !== 502 && status !== 503 && status !== 504;
