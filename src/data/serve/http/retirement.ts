/**
 * When a connection that begins now is to take no more requests, by performance.now(). Connections that began together
 * are not to end together, so it is up to 10 % earlier or later.
 * @param maxAge in milliseconds; undefined: never.
 */
export function retirementOf(maxAge: number | undefined): number {
  if (maxAge === undefined) return Number.POSITIVE_INFINITY;
  return performance.now() + maxAge * (0.9 + 0.2 * Math.random());
}
