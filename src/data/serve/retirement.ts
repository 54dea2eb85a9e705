import type { Relay } from "./relay/relay.ts";

/**
 * When a connection that begins now is to take no more requests, or its session to end, by performance.now(). Those that
 * began together are not to end together, so it is up to 10 % earlier or later.
 * @param maxAge in milliseconds; undefined: never.
 */
export function retirementOf(maxAge: number | undefined): number {
  if (maxAge === undefined) return Number.POSITIVE_INFINITY;
  return performance.now() + maxAge * (0.9 + 0.2 * Math.random());
}

/** How much longer a relay goes on that is never quiet, in milliseconds; at most as long as it may be old. */
const longestGrace = 60_000;

/** Whether a relay is to end for its age: at its first quiet moment, or when its grace is over. @param now by performance.now(). */
export function isTooOld(
  now: number,
  retiresAt: number,
  maxAge: number | undefined,
  relay: Pick<Relay, "isQuiet">,
): boolean {
  if (maxAge === undefined || now < retiresAt) return false;
  return now >= retiresAt + Math.min(maxAge, longestGrace) || relay.isQuiet(now);
}
