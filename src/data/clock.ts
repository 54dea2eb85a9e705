import { sinceSystemStart } from "../lib/monotonic.ts";
import { eventTime } from "../lib/read-time.ts";

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

/** From `performance.now()` to the time of the day, in milliseconds. */
let ahead = performance.timeOrigin;
/** In milliseconds: less is left alone, or times would go back where they are only rounded in another way. */
const notable = 2;

/** The time of the day may have been set since the last call. */
export function followTimeOfDay(): void {
  const present = Date.now() - performance.now();
  if (Math.abs(present - ahead) > notable) ahead = present;
}

/** The time of the day, in whole milliseconds since 1970; otherwise as {@link eventTime}. */
export const timeOfDay = (): number => Math.floor(eventTime() + ahead);
