import type { Model } from "../../model/model.ts";

interface Named {
  readonly name: string;
}

/**
 * A model in which everything that is proposed as it was before (the same object) is as it is served: with the certificates and
 * other contents of files that were renewed since.
 * @param before the model that was proposed last; undefined: none was.
 */
export function keepServed(next: Model, before: Model | undefined, served: Model): Model {
  if (before === undefined) return next;
  return {
    ...next,
    listeners: kept(next.listeners, before.listeners, served.listeners),
    pools: kept(next.pools, before.pools, served.pools),
    routeTables: kept(next.routeTables, before.routeTables, served.routeTables),
  };
}

function kept<T extends Named>(next: readonly T[], before: readonly T[], served: readonly T[]): readonly T[] {
  const known = new Set(before);
  const present = new Map(served.map((each) => [each.name, each]));
  return next.map((each) => (known.has(each) ? (present.get(each.name) ?? each) : each));
}
