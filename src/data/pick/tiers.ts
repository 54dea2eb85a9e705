import { scaleWeights } from "../../lib/scale-weights.ts";
import { mostWeight, type PlacedBackend } from "../../model/backend.ts";
import { hashedBy, type Pool } from "../../model/pool.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { createPicker } from "./registry.ts";
import { tierShares, weightShares, zoneShares } from "./shares.ts";
import { type SetShares, SpreadPicker } from "./spread.ts";
import { SubsetPicker } from "./subsets.ts";

/** The part of a pool that says how backends are picked. */
export type Picking = Pick<Pool, "picker" | "overprovisioning" | "localities" | "subsets">;

/** Factor of localities where a pool says none, in percent. */
const usualFactor = 140;
/** See {@link SpreadPicker}. */
const seeds = { tiers: 0, localities: 1 } as const;

/** One picker for each tier that has backends, the lowest first. */
class TieredPicker implements Picker {
  readonly pickers: ReadonlyMap<unknown, Picker>;
  readonly #pickers: readonly Picker[];

  constructor(pickers: ReadonlyMap<unknown, Picker>) {
    this.pickers = pickers;
    this.#pickers = [...pickers.values()];
  }

  pick(context: PickContext): PlacedBackend | undefined {
    for (let index = 0; index < this.#pickers.length; index++) {
      const backend = this.#pickers[index]!.pick(context);
      if (backend !== undefined) return backend;
    }
    return undefined;
  }
}

/** Builds what a pool picks with. The backends may be none. @param inputs `previous` is an earlier result of this function. */
export function createPoolPicker(picking: Picking, inputs: PickerInputs): Picker {
  const { subsets } = picking;
  if (subsets === undefined) return createTieredPicker(picking, inputs);
  return new SubsetPicker(subsets, inputs, (backends, previous) =>
    createTieredPicker(picking, { ...inputs, backends, previous }),
  );
}

/**
 * Builds what a pool, or a part of it, picks with: one picker over each tier's backends, which is asked only when no backend of a lower
 * tier may be picked, or takes its part of the picks. Unlike a plain picker's, the backends may be none; then `pick` returns
 * undefined.
 * @param inputs `previous` is an earlier result of this function.
 */
export function createTieredPicker(picking: Picking, inputs: PickerInputs): Picker {
  const groups = grouped(inputs.backends, ({ tier }) => tier);
  const tiers = [...groups].sort(([a], [b]) => a - b);
  const parts = new Map(
    tiers.map(([tier, backends]) => {
      const previous = partOf(inputs.previous, tier);
      return [tier, { backends, picker: createTier(picking, tier, { ...inputs, backends, previous }) }];
    }),
  );
  const { overprovisioning } = picking;
  return overprovisioning === undefined || parts.size < 2
    ? new TieredPicker(new Map([...parts].map(([tier, { picker }]) => [tier, picker])))
    : new SpreadPicker(parts, tierShares(overprovisioning), inputs, seeds.tiers);
}

/** The picker over the backends of a tier, which share by where they are if the pool says so. */
function createTier(picking: Picking, tier: number, inputs: PickerInputs): Picker {
  const { picker: spec, localities } = picking;
  if (localities === undefined || (localities.by === "zone" && tier > 0)) return createPicker(spec, inputs);
  const byLocality = grouped(inputs.backends, ({ locality }) => locality?.name ?? "");
  if (byLocality.size < 2) return createPicker(spec, inputs);
  if (hashedBy(spec) !== undefined)
    return createPicker(
      spec,
      localities.by === "zone" ? inputs : { ...inputs, backends: weighed(byLocality) },
    );
  const parts = new Map(
    [...byLocality].map(([name, backends]) => {
      const previous = partOf(inputs.previous, name);
      return [name, { backends, picker: createPicker(spec, { ...inputs, backends, previous }) }];
    }),
  );
  return new SpreadPicker(parts, sharesOf(picking, inputs), inputs, seeds.localities);
}

function sharesOf(
  { localities, overprovisioning = usualFactor }: Picking,
  { peers }: PickerInputs,
): SetShares {
  if (localities?.by !== "zone") return weightShares(overprovisioning);
  return zoneShares(localities, () => peers(localities.peers));
}

/**
 * For pickers that need one table of all backends: weights of localities are shared out among theirs. A locality without a weight
 * is left out, unless none has one.
 */
function weighed(byLocality: ReadonlyMap<string, readonly PlacedBackend[]>): readonly PlacedBackend[] {
  const groups = [...byLocality.values()];
  const heavy = groups.filter(([first]) => first?.locality?.weight !== 0);
  const counted = heavy.length > 0 ? heavy : groups;
  const backends = counted.flat();
  const shares = counted.flatMap((members) => {
    const total = members.reduce((sum, { weight }) => sum + weight, 0);
    return members.map(({ weight, locality }) => ((locality?.weight ?? 1) * weight) / total);
  });
  const weights = scaleWeights(shares, mostWeight);
  return backends.map((backend, index) => ({ ...backend, weight: weights[index]! }));
}

const partOf = (previous: Picker | undefined, name: unknown): Picker | undefined =>
  previous instanceof TieredPicker || previous instanceof SpreadPicker
    ? previous.pickers.get(name)
    : undefined;

function grouped<Name>(
  backends: readonly PlacedBackend[],
  nameOf: (backend: PlacedBackend) => Name,
): Map<Name, PlacedBackend[]> {
  const groups = new Map<Name, PlacedBackend[]>();
  for (const backend of backends) {
    const name = nameOf(backend);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [backend]);
    else group.push(backend);
  }
  return groups;
}
