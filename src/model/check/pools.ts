import type { Path } from "../../lib/findings.ts";
import { relayTarget, rulesOf, seesNames, type Target } from "../chain.ts";
import { type HttpRouteTable, routesOf } from "../http/route.ts";
import type { Listener } from "../listener.ts";
import type { Model } from "../model.ts";
import { hashedBy, type Pool } from "../pool.ts";
import type { ModelFinding } from "./finding.ts";
import { poolUses } from "./http/routes.ts";

/**
 * Finds undefined pools, unused pools, and hash keys that the pool's listeners do not have.
 * @param leftOut names of pools that the provider left out because they are wrong; they count as defined.
 */
export function checkPools(
  { listeners, pools, routeTables }: Pick<Model, "listeners" | "pools" | "routeTables">,
  leftOut: readonly string[],
): readonly ModelFinding[] {
  const tables = new Map(routeTables.map((table) => [table.name, table]));
  const poolsOf = (listener: Listener): Use[] => [...relayUses(listener), ...poolUses(listener, tables)];
  const known = new Set([...leftOut, ...pools.map(({ name }) => name)]);
  const unknown = listeners
    .flatMap(poolsOf)
    .filter(({ pool }) => !known.has(pool))
    .map(({ path, pool }) => ({ kind: "unknown_pool" as const, path, pool }))
    .filter(({ path }, index, all) => all.findIndex((other) => other.path.join() === path.join()) === index);
  const users = usersOf(listeners, poolsOf);
  // Beside an undefined or missing name, an unused pool is most likely the intended one.
  const isMissing = [...listeners.flatMap(targetsOf), ...routeTables.flatMap(targetsOfTable)].some(
    (target) => target.length === 0,
  );
  const unused = isMissing || unknown.length > 0 ? [] : pools.filter(({ name }) => !users.has(name));
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

const targetsOf = ({ chains }: Listener): Target[] =>
  chains.flatMap(({ serve }) => (serve.kind === "relay" ? [serve.to] : []));

const targetsOfTable = (table: HttpRouteTable): Target[] =>
  [...routesOf(table)].flatMap(({ action }) => (action.kind === "pools" ? [action.to] : []));

/** Where a pool is named, and which. */
interface Use {
  readonly path: Path;
  readonly pool: string;
}

/** The pools that a listener relays to. Chains of one rule lead to the same ones. */
function relayUses({ name, chains }: Listener): Use[] {
  return rulesOf(chains).flatMap((rule) =>
    relayTarget(rule.chains[0].serve).map(({ pool }, index) => ({
      path: ["listeners", name, "chains", rule.name, "serve", "to", index, "pool"],
      pool,
    })),
  );
}

/** The listeners that send sessions or requests to each pool. */
function usersOf(
  listeners: readonly Listener[],
  poolsOf: (listener: Listener) => readonly Use[],
): ReadonlyMap<string, readonly Listener[]> {
  const users = new Map<string, Listener[]>();
  for (const listener of listeners)
    for (const pool of new Set(poolsOf(listener).map((use) => use.pool))) {
      const others = users.get(pool);
      if (others === undefined) users.set(pool, [listener]);
      else others.push(listener);
    }
  return users;
}
