import type { PlacedBackend } from "../../model/backend.ts";

/** All of a weight, in percent. */
export const wholeWeight = 100;

/**
 * The present weight of a backend, in hundredths of a unit: all of it, unless it starts slowly.
 * @param withheld how much of each weight does not count, in percent, by slot.
 */
export function presentWeight({ weight, slot }: PlacedBackend, withheld: Int32Array): number {
  return weight * (wholeWeight - withheld[slot]!);
}
