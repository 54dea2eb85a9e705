import { formatAddress } from "../../lib/address.ts";
import { poolsOf } from "../../model/chain.ts";
import { bindsOf, checkBinds } from "../../model/check/binds.ts";
import { type HttpRouteTable, poolsOfTable } from "../../model/http/route.ts";
import type { Model } from "../../model/model.ts";
import type { Pool } from "../../model/pool.ts";
import type { Dynamic } from "./assembly.ts";

/** Is told what is not served: `listener web`, and why. */
export type LeaveOut = (what: string, why: string) => void;

/**
 * Adds what control planes have sent to a model. The model's own listeners and pools keep their names and addresses; a resource
 * that wants one of them is left out.
 */
export function merge(model: Model, dynamic: Dynamic, leaveOut: LeaveOut): Model {
  const pools = new Map(model.pools.map((pool) => [pool.name, pool]));
  for (const pool of dynamic.pools)
    if (pools.has(pool.name)) leaveOut(`cluster ${pool.name}`, "the configuration has a pool of that name");
    else pools.set(pool.name, pool);
  const added = withRoom(model, dynamic, leaveOut);
  const tables = new Map<string, HttpRouteTable>();
  for (const table of [...model.routeTables, ...added.flatMap((mapped) => mapped.tables)])
    if (!tables.has(table.name)) tables.set(table.name, table);
  const listeners = [...model.listeners, ...added.map(({ listener }) => listener)];
  return { ...model, listeners, pools: [...pools.values()], routeTables: [...tables.values()] };
}

/**
 * Adds the pools that something leads to and that have not come yet: they have no backends.
 * @param usual a pool with every default.
 */
export function withNamedPools(model: Model, usual: Pool): Model {
  const pools = new Map(model.pools.map((pool) => [pool.name, pool]));
  const lists = [
    ...model.listeners.map(({ chains }) => poolsOf(chains)),
    ...model.routeTables.map(poolsOfTable),
  ];
  for (const name of lists.flatMap((names) => [...names]))
    if (!pools.has(name)) pools.set(name, { ...usual, name, discovery: { type: "static", backends: [] } });
  return { ...model, pools: [...pools.values()] };
}

/** The listeners whose name and address nobody has who was there before. */
function withRoom(model: Model, { listeners }: Dynamic, leaveOut: LeaveOut): Dynamic["listeners"] {
  const own = new Set(model.listeners.map(({ name }) => name));
  const named = listeners.filter(({ listener: { name } }) => {
    if (own.has(name)) leaveOut(`listener ${name}`, "the configuration has a listener of that name");
    return !own.has(name);
  });
  const all = [...model.listeners, ...named.map(({ listener }) => listener)];
  const taken = new Map<unknown, string>();
  for (const finding of checkBinds(bindsOf({ ...model, listeners: all }))) {
    if (finding.kind !== "bind_taken") continue;
    const { path, by, address } = finding;
    // Of the admin server and a listener, the listener goes.
    const [loser, winner] = path[0] === "admin" ? [by.path, path] : [path, by.path];
    taken.set(loser[1], `${formatAddress(address)} is already taken by ${winner.slice(0, -1).join(".")}`);
  }
  return named.filter(({ listener: { name } }) => {
    const why = taken.get(name);
    if (why !== undefined) leaveOut(`listener ${name}`, why);
    return why === undefined;
  });
}
