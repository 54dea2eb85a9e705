import type { Target } from "../../model/chain.ts";

/**
 * The pool that a session goes to: each in proportion to its weight.
 * @param random uniform in [0, 1). It is not asked where there is one pool only.
 */
export function choosePool(target: Target, random: () => number = Math.random): string {
  if (target.length === 1) return target[0]!.pool;
  let left = random() * totalWeight(target);
  for (const { pool, weight } of target) {
    left -= weight;
    if (left < 0) return pool;
  }
  return target.at(-1)!.pool;
}

/** The pool that most sessions go to; empty where there is none. */
export function mainPool(target: Target): string {
  let most = target[0];
  for (const next of target) if (next.weight > most!.weight) most = next;
  return most?.pool ?? "";
}

function totalWeight(target: Target): number {
  let total = 0;
  for (const { weight } of target) total += weight;
  return total;
}
