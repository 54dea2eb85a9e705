import type { Node } from "../node.ts";

const denominators: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

/** A `FractionalPercent`, in percent, at most 100. */
export function percentOf(share: Node): number {
  const whole = denominators[share.text("denominator") || "HUNDRED"]!;
  return Math.min(100, ((share.number("numerator") ?? 0) * 100) / whole);
}

/** A `RuntimeFractionalPercent`, in percent: its default counts, because there are no runtime keys. @returns undefined where there is none. */
export function runtimePercent(fraction: Node | undefined): number | undefined {
  const share = fraction?.node("default_value");
  return share && percentOf(share);
}
