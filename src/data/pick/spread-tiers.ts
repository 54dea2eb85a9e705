import { mayBePicked } from "../../channel/memory.ts";
import { hashString } from "../../lib/hash.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";

/** How long the shares of tiers count, in milliseconds: to find them out, every backend is looked at. */
const shareAge = 100;

/** A tier with the part of the picks that it takes, from 0 to 1. */
interface Tier {
  readonly picker: Picker;
  readonly backends: readonly PlacedBackend[];
  share: number;
}

/**
 * Tiers that share the picks where the first of them is not well: each takes as much as its share of healthy backends times a
 * factor, at most all that is left, as Envoy's priorities do.
 */
export class SpreadTiers implements Picker {
  readonly byTier: ReadonlyMap<number, Picker>;
  readonly #tiers: readonly Tier[];
  readonly #percent: number;
  readonly #inputs: PickerInputs;
  #since = Number.NEGATIVE_INFINITY;

  /** @param byTier the lowest first. @param percent the factor; 140: a tier takes everything while 5 of 7 are healthy. */
  constructor(byTier: ReadonlyMap<number, Picker>, percent: number, inputs: PickerInputs) {
    this.byTier = byTier;
    this.#percent = percent;
    this.#inputs = inputs;
    this.#tiers = [...byTier].map(([tier, picker]) => ({
      picker,
      backends: inputs.backends.filter((backend) => backend.tier === tier),
      share: 0,
    }));
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const { now } = this.#inputs.clock;
    if (now - this.#since > shareAge) {
      this.#since = now;
      this.#share();
    }
    const chosen = this.#choose(context);
    const backend = chosen?.picker.pick(context);
    return backend ?? this.#first(context, chosen);
  }

  /** A key stays in its tier. */
  #choose({ key }: PickContext): Tier | undefined {
    let left = key.key === undefined ? this.#inputs.random() : (hashString(key.key, 0) >>> 0) / 2 ** 32;
    for (const tier of this.#tiers) {
      left -= tier.share;
      if (left < 0) return tier;
    }
    return undefined;
  }

  #first(context: PickContext, asked: Tier | undefined): PlacedBackend | undefined {
    for (const tier of this.#tiers) {
      const backend = tier === asked ? undefined : tier.picker.pick(context);
      if (backend !== undefined) return backend;
    }
    return undefined;
  }

  #share(): void {
    const { flags } = this.#inputs;
    let left = 1;
    for (const tier of this.#tiers) {
      let up = 0;
      for (const { slot } of tier.backends) if (mayBePicked(flags[slot]!)) up++;
      tier.share = Math.min(left, ((up / tier.backends.length) * this.#percent) / 100);
      left -= tier.share;
    }
    // Load that no tier has room for is shared in the same proportion.
    if (left > 0 && left < 1) for (const tier of this.#tiers) tier.share /= 1 - left;
  }
}
