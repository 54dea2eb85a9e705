import type { EndReason } from "../../model/reasons.ts";

/** The things to wait for: a backend with room, a place in the retry budget, or the end of a first check. */
export type Wait = "room" | "retry" | "check";

/** Why no backend may be picked: all are down or tried, or the pool has no retries at all. */
export type NoPick = "none" | "no_retry";

/** How long to wait for a place in the retry budget, in milliseconds. */
const longestRetryWait = 1_000;

/** In milliseconds; the control plane ends the wait for a first check after one second. */
const longestCheckWait = 2_000;

/** Whether a dispatch may try a backend. @param tried how many it has tried. @param most that it may try. */
export function mayTry(tried: number, most: number, late: boolean): boolean {
  return tried === 0 || (tried < most && !late);
}

/** Whoever came first is served first. @returns what others wait for already, so that this one has to wait behind them. */
export function waitBehind(fresh: true, queue: { has(wait: Wait): boolean }): "room" | undefined;
export function waitBehind(fresh: boolean, queue: { has(wait: Wait): boolean }): Wait | undefined;
export function waitBehind(fresh: boolean, queue: { has(wait: Wait): boolean }): Wait | undefined {
  const wait = fresh ? "room" : "retry";
  return queue.has(wait) ? wait : undefined;
}

/** Why a dispatch ends that finds no backend and nothing to wait for. @param fresh it has tried none. */
export function endWithoutPick(why: NoPick, fresh: boolean): EndReason {
  if (why === "no_retry") return "retry_budget";
  return fresh ? "no_backend" : "connect_failed";
}

/** Why a dispatch ends that has to wait; undefined: it waits. @param hasPlace whether the queue has a place for it. */
export function refusalToWait(wait: Wait, hasPlace: boolean): EndReason | undefined {
  if (hasPlace) return undefined;
  return wait === "room" ? "queue_full" : waitedTooLong[wait];
}

const waitedTooLong = {
  room: "queue_timeout",
  retry: "retry_budget",
  check: "no_backend",
} as const satisfies Record<Wait, EndReason>;

/** Why a dispatch ends that waits; undefined: it goes on waiting. @param waited and `timeout` (for room): in milliseconds. */
export function endOfWait(wait: Wait, waited: number, timeout: number): EndReason | undefined {
  return waited > longestWait(wait, timeout) ? waitedTooLong[wait] : undefined;
}

function longestWait(wait: Wait, timeout: number): number {
  if (wait === "room") return timeout;
  return wait === "retry" ? longestRetryWait : longestCheckWait;
}
