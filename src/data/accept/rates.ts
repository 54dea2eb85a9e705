import type { ConnectionRate } from "../../model/listener.ts";

/**
 * A token bucket as the generic cell rate algorithm has it (ITU-T I.371 annex A): one number says all, the time at
 * which the bucket will be full again. Times are milliseconds of the same clock.
 */
export interface TokenBucket {
  /** For one more token. */
  readonly interval: number;
  /** How far ahead of now the bucket's time may be for one more to be taken. */
  readonly tolerance: number;
}

/** More than what additions lose to rounding: a token may be had this much early, in milliseconds. */
const rounding = 0.001;

export function tokenBucket({ connections, period, burst }: ConnectionRate): TokenBucket {
  const interval = period / connections;
  return { interval, tolerance: (burst - 1) * interval + rounding };
}

/**
 * Takes tokens: in any time t at most t / interval + burst can be taken.
 * @param fullAt when the bucket is full; in the past, it is.
 * @returns when it will be full after that; undefined when there are not so many tokens.
 */
export function takeToken(
  { interval, tolerance }: TokenBucket,
  fullAt: number,
  now: number,
  tokens = 1,
): number | undefined {
  const from = Math.max(fullAt, now);
  return from - now > tolerance - (tokens - 1) * interval ? undefined : from + tokens * interval;
}
