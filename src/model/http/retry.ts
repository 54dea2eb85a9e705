/**
 * The things that may go wrong on the way to a backend's answer and that a route may name in `retry.on`, beside statuses.
 * `byMethod`: the backend may have had the request, so that only methods that may be sent twice are sent again. `grpc`: the
 * status of a call's answer that has nothing but its trailers; calls all have the method POST, so whoever names one of these
 * wants them to be made again.
 */
export const retryTriggers = {
  "connect-failed": { byMethod: false, text: "a backend could not be connected: another one is tried" },
  "refused-stream": { byMethod: false, text: "a backend said that it has not looked at the request" },
  "reused-reset": {
    byMethod: true,
    text: "a connection that had served before ended before a byte of the answer: it was closing already",
  },
  reset: { byMethod: true, text: "a connection ended before the head of the answer" },
  "try-timeout": { byMethod: true, text: "the head of the answer did not come within timeouts.try" },
  "grpc-cancelled": {
    byMethod: false,
    grpc: 1,
    text: "gRPC: the call ended with CANCELLED before a message",
  },
  "grpc-deadline-exceeded": {
    byMethod: false,
    grpc: 4,
    text: "gRPC: the call ended with DEADLINE_EXCEEDED before a message",
  },
  "grpc-resource-exhausted": {
    byMethod: false,
    grpc: 8,
    text: "gRPC: the call ended with RESOURCE_EXHAUSTED before a message",
  },
  "grpc-internal": { byMethod: false, grpc: 13, text: "gRPC: the call ended with INTERNAL before a message" },
  "grpc-unavailable": {
    byMethod: false,
    grpc: 14,
    text: "gRPC: the call ended with UNAVAILABLE before a message",
  },
} as const satisfies Readonly<
  Record<string, { readonly byMethod: boolean; readonly text: string; readonly grpc?: number }>
>;

export type RetryTrigger = keyof typeof retryTriggers;

export const retryTriggerList: readonly RetryTrigger[] = Object.keys(retryTriggers) as RetryTrigger[];

/** The status of gRPC that a cause is; undefined: it is none. */
const statusOf = (trigger: RetryTrigger): number | undefined => {
  const cause = retryTriggers[trigger];
  return "grpc" in cause ? cause.grpc : undefined;
};

export const isOfCalls = (trigger: RetryTrigger): boolean => statusOf(trigger) !== undefined;

/** The cause that a status of gRPC is; undefined: such a call is not made again. */
export const triggerOfCall = (status: number): RetryTrigger | undefined =>
  retryTriggerList.find((trigger) => statusOf(trigger) === status);

/** The causes that say nothing of calls. */
export const usualTriggers: readonly RetryTrigger[] = retryTriggerList.filter(
  (trigger) => !isOfCalls(trigger),
);

/** When a request is sent once more. */
export interface RetryPolicy {
  /** How often, at most; attempts to connect are not counted. */
  readonly attempts: number;
  readonly on: readonly RetryTrigger[];
  /** Statuses of answers that are not passed on while another attempt may be made. */
  readonly statuses: readonly number[];
  /** The methods that may be sent twice once a backend may have had the request. */
  readonly methods: readonly string[] | "all";
  /** How much of a request's body is kept to be sent once more, in bytes. */
  readonly buffer: number;
  /** Before the retry number n, counted from 0: a random time up to `base` · 2^n, at most `max`; in milliseconds. */
  readonly backoff: { readonly base: number; readonly max: number };
}

/** RFC 9110 section 9.2.2: to do it twice is to do it once. TRACE is not served. */
export const idempotentMethods: readonly string[] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];

/** For routes that say nothing: what surely does no harm, once. */
export const safeRetries: RetryPolicy = {
  attempts: 1,
  on: ["connect-failed", "refused-stream", "reused-reset"],
  statuses: [],
  methods: idempotentMethods,
  buffer: 0,
  backoff: { base: 25, max: 250 },
};

/** Why a request was not sent once more, though the route's `retry.on` has what went wrong. */
export const retryRefusals = {
  method: "a backend may have had the request, and retry.methods does not have its method",
  attempts: "it was sent as often as retry.attempts allows",
  body: "its body is gone: it is larger than retry.buffer, or nothing of it is kept",
  deadline: "timeouts.request would be over before the next attempt",
  budget: "the pool's retry_budget was used up",
} as const satisfies Readonly<Record<string, string>>;

export type RetryRefusal = keyof typeof retryRefusals;
