import { isDeepStrictEqual } from "node:util";
import type { EffectiveValue } from "../../providers/provider.ts";

/** A key whose value another configuration changes. */
export interface ValueChange {
  readonly key: string;
  /** Null: the key is new. */
  readonly before: PlacedValue | null;
  /** Null: the key has left. */
  readonly after: PlacedValue | null;
}

/** A value as the configuration writes it, with the place that it comes from. */
interface PlacedValue {
  readonly value: unknown;
  readonly origin: string;
}

/** The keys that differ, in the order of the new configuration; those that left come last. */
export function compareValues(
  before: readonly EffectiveValue[],
  after: readonly EffectiveValue[],
): readonly ValueChange[] {
  const old = new Map(before.map((value) => [value.key, value]));
  const changes: ValueChange[] = [];
  for (const value of after) {
    const other = old.get(value.key);
    old.delete(value.key);
    if (other !== undefined && isDeepStrictEqual(shown(other).value, shown(value).value)) continue;
    changes.push({ key: value.key, before: other === undefined ? null : shown(other), after: shown(value) });
  }
  return [
    ...changes,
    ...[...old.values()].map((value) => ({ key: value.key, before: shown(value), after: null })),
  ];
}

const shown = ({ value, words, origin }: EffectiveValue): PlacedValue => ({
  value: value ?? words ?? null,
  origin,
});
