import type { Path } from "../../lib/findings.ts";
import { rulesOf, seesNames } from "../chain.ts";
import type { Listener } from "../listener.ts";
import type { Model } from "../model.ts";
import { hashedBy, type Pool } from "../pool.ts";
import type { ModelFinding } from "./finding.ts";

/**
 * Finds undefined pools, unused pools, and hash keys that the pool's listeners do not have.
 * @param leftOut names of pools that the provider left out because they are wrong; they count as defined.
 */
export function checkPools(
  { listeners, pools }: Pick<Model, "listeners" | "pools">,
  leftOut: readonly string[],
): readonly ModelFinding[] {
  const known = new Set([...leftOut, ...pools.map(({ name }) => name)]);
  const unknown = listeners
    .flatMap(poolsOf)
    .filter(({ pool }) => !known.has(pool))
    .map(({ path, pool }) => ({ kind: "unknown_pool" as const, path, pool }));
  const users = usersOf(listeners);
  // Beside an undefined name, an unused pool is most likely the intended one.
  const unused = unknown.length > 0 ? [] : pools.filter(({ name }) => !users.has(name));
  return [
    ...unknown,
    ...unused.map(({ name }) => ({ kind: "unused_pool" as const, path: ["pools", name] })),
    ...pools.flatMap((pool) => checkHashKey(pool, users.get(pool.name) ?? [])),
  ];
}

function checkHashKey({ name, picker }: Pool, users: readonly Listener[]): readonly ModelFinding[] {
  const nameless = users.filter((user) => !seesNames(user.chains)).map((user) => user.name);
  if (hashedBy(picker) !== "sni" || nameless.length === 0) return [];
  return [{ kind: "hashes_no_name", path: ["pools", name, "picker"], listeners: nameless }];
}

/** Where a listener names pools, and which. Chains of one rule lead to the same ones. */
function poolsOf({ name, chains }: Listener): { readonly path: Path; readonly pool: string }[] {
  return rulesOf(chains).flatMap((rule) =>
    rule.chains[0].serve.to.map(({ pool }, index) => ({
      path: ["listeners", name, "chains", rule.name, "serve", "to", index, "pool"],
      pool,
    })),
  );
}

/** The listeners that send sessions to each pool. */
function usersOf(listeners: readonly Listener[]): ReadonlyMap<string, readonly Listener[]> {
  const users = new Map<string, Listener[]>();
  for (const listener of listeners)
    for (const pool of new Set(poolsOf(listener).map((use) => use.pool))) {
      const others = users.get(pool);
      if (others === undefined) users.set(pool, [listener]);
      else others.push(listener);
    }
  return users;
}
