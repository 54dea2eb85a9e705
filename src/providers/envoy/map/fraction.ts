import type { Node } from "../node.ts";

const denominators: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

/** A `FractionalPercent`, in percent, at most 100. */
export function percentOf(share: Node): number {
  return Math.min(100, (share.number("numerator") ?? 0) * unitOf(share));
}

/** One of its numerator, in percent. */
export const unitOf = (share: Node): number => 100 / denominators[share.text("denominator") || "HUNDRED"]!;

/** A `RuntimeFractionalPercent`, in percent: its default counts, because there are no runtime keys. @returns undefined where there is none. */
export function runtimePercent(fraction: Node | undefined): number | undefined {
  const share = fraction?.node("default_value");
  return share && percentOf(share);
}
