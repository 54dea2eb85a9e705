import type { Path } from "../../lib/findings.ts";
import type { Listener } from "../listener.ts";
import type { Model } from "../model.ts";
import type { Pool } from "../pool.ts";
import type { ModelFinding } from "./finding.ts";

/**
 * Pools that listeners name and nobody defines, pools that nobody uses, and hash keys that their listeners do not have.
 * @param leftOut names of pools that are not in the model because something about them is wrong: they are known.
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
  // Beside a name that nobody defines, a pool that nobody uses is most likely the one that is meant.
  const unused = unknown.length > 0 ? [] : pools.filter(({ name }) => !users.has(name));
  return [
    ...unknown,
    ...unused.map(({ name }) => ({ kind: "unused_pool" as const, path: ["pools", name] })),
    ...pools.flatMap((pool) => checkHashKey(pool, users.get(pool.name) ?? [])),
  ];
}

function checkHashKey({ name, picker }: Pool, users: readonly Listener[]): readonly ModelFinding[] {
  const nameless = users.filter((user) => !seesNames(user)).map((user) => user.name);
  if (picker.type !== "consistent-hash" || picker.key !== "sni" || nameless.length === 0) return [];
  return [{ kind: "hashes_no_name", path: ["pools", name, "picker"], listeners: nameless }];
}

/** Where a listener names pools, and which. */
function poolsOf({ name, pool, routes }: Listener): { readonly path: Path; readonly pool: string }[] {
  return [
    { path: ["listeners", name, "pool"], pool },
    ...routes.map((route, index) => ({
      path: ["listeners", name, "routes", index, "pool"],
      pool: route.pool,
    })),
  ];
}

/** By pool, the listeners that send sessions to it. */
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

/** Whether a listener's sessions can have a server name. */
export function seesNames({ tls, mode, routes }: Listener): boolean {
  return tls !== undefined || mode === "passthrough" || routes.some((route) => route.passthrough);
}
