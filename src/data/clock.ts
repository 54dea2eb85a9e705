import { sinceSystemStart } from "../lib/monotonic.ts";

/**
 * The worker's coarse clock, in milliseconds: set by the sweep, read on the path of a byte, where asking the system
 * for the time would cost more than the byte.
 */
export const clock = { now: performance.now() };

/** The time that all workers agree on, in milliseconds, when {@link readTime} was called last: by the sweep, if by nobody else. */
export const sharedClock = { now: performance.now() + sinceSystemStart };

/** @returns the time by `performance.now()`. */
export function readTime(): number {
  const now = performance.now();
  sharedClock.now = now + sinceSystemStart;
  return now;
}
