import type { Target } from "../../model/chain.ts";

/**
 * Where a session goes: to each in proportion to its weight.
 * @param random uniform in [0, 1). It is not asked where there is one only.
 */
export function chooseTarget(target: Target, random: () => number = Math.random): Target[number] {
  if (target.length === 1) return target[0]!;
  let left = random() * totalWeight(target);
  for (const each of target) {
    left -= each.weight;
    if (left < 0) return each;
  }
  return target.at(-1)!;
}

/** Where most sessions go; undefined: nowhere. */
export function mainTarget(target: Target): Target[number] | undefined {
  let most = target[0];
  for (const next of target) if (next.weight > most!.weight) most = next;
  return most;
}

/** The pool that most sessions go to; empty where there is none. */
export const mainPool = (target: Target): string => mainTarget(target)?.pool ?? "";

function totalWeight(target: Target): number {
  let total = 0;
  for (const { weight } of target) total += weight;
  return total;
}
