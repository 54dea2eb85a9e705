import type { PlacedBackend } from "../../model/backend.ts";
import type { PickerSpec } from "../../model/pool.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { createPicker } from "./registry.ts";
import { SpreadTiers } from "./spread-tiers.ts";

/** One picker for each tier that has backends, the lowest first. */
class TieredPicker implements Picker {
  readonly byTier: ReadonlyMap<number, Picker>;
  readonly #pickers: readonly Picker[];

  constructor(byTier: ReadonlyMap<number, Picker>) {
    this.byTier = byTier;
    this.#pickers = [...byTier.values()];
  }

  pick(context: PickContext): PlacedBackend | undefined {
    for (let index = 0; index < this.#pickers.length; index++) {
      const backend = this.#pickers[index]!.pick(context);
      if (backend !== undefined) return backend;
    }
    return undefined;
  }
}

/**
 * Builds what a pool picks with: one picker over each tier's backends, which is asked only when no backend of a lower
 * tier may be picked. Unlike a plain picker's, the backends may be none; then `pick` returns undefined.
 * @param inputs `previous` is an earlier result of this function. @param overprovisioning see {@link Pool.overprovisioning}.
 */
export function createTieredPicker(
  spec: PickerSpec,
  inputs: PickerInputs,
  overprovisioning?: number,
): Picker {
  const { previous } = inputs;
  const before =
    previous instanceof TieredPicker || previous instanceof SpreadTiers ? previous.byTier : undefined;
  const tiers = [...new Set(inputs.backends.map(({ tier }) => tier))].sort((a, b) => a - b);
  const byTier = tiers.map((tier): [number, Picker] => {
    const backends = inputs.backends.filter((backend) => backend.tier === tier);
    return [tier, createPicker(spec, { ...inputs, backends, previous: before?.get(tier) })];
  });
  return overprovisioning === undefined || byTier.length < 2
    ? new TieredPicker(new Map(byTier))
    : new SpreadTiers(new Map(byTier), overprovisioning, inputs);
}
