import { isDeepStrictEqual } from "node:util";
import { isForPassthrough, modeOf, rulesOf, type Serve } from "../../model/chain.ts";
import type { Guard } from "../../model/http/guard.ts";
import type { RequestMatch } from "../../model/http/match.ts";
import type { HttpRoute } from "../../model/http/route.ts";
import type { Listener } from "../../model/listener.ts";
import { type Model, needsRestart } from "../../model/model.ts";
import type { Pool } from "../../model/pool.ts";

/** Another model, but for what waits for a restart. */
export function withoutRestart({ workers, admin, otlp, xds, kubernetes, log }: Model, wanted: Model): Model {
  const { format, traced } = log;
  const { otlp: _, xds: ___, kubernetes: ____, ...rest } = wanted;
  const { traced: __, ...kept } = wanted.log;
  return {
    ...rest,
    workers,
    admin,
    ...(otlp !== undefined && { otlp }),
    ...(xds !== undefined && { xds }),
    ...(kubernetes !== undefined && { kubernetes }),
    log: { ...kept, format, ...(traced !== undefined && { traced }) },
  };
}

/** How a configuration differs from another. */
export interface Changes {
  /** The changes, one a line: `listeners.web: changed bind, tls`, `pools.api: added`. */
  readonly changes: readonly string[];
  /** Keys whose new value counts from the next start on. */
  readonly restart: readonly string[];
}

/** Compares by meaning: a value that is written in another way, or a default that is written out, is no change. */
export function compareModels(before: Model, after: Model): Changes {
  const plain = changedKeys(flat(before), flat(after));
  return {
    changes: [
      ...plain.filter((key) => !needsRestart(key)).map((key) => `${key}: changed`),
      ...compareNamed("listeners", before.listeners, after.listeners, changedInListener),
      ...compareNamed("guards", guardsOf(before), guardsOf(after), changedKeys).map((line) =>
        line.replace("guards.", ""),
      ),
      ...changedRoutes(before, after),
      ...compareNamed("pools", before.pools, after.pools, changedInPool),
    ],
    restart: plain.filter(needsRestart),
  };
}

/** All but what is compared by name: a new key is in it by itself. */
function flat({ listeners: _, pools: __, routeTables: ___, ...plain }: Model): object {
  const { log, shutdown, otlp, ...rest } = plain;
  const { traced, ...ofLog } = log;
  return { ...rest, ...within("log", ofLog), ...within("shutdown", shutdown), otlp: { ...otlp, traced } };
}

const within = (table: string, keys: object): object =>
  Object.fromEntries(Object.entries(keys).map(([key, value]) => [`${table}.${key}`, value]));

function changedInListener(before: Listener, after: Listener): readonly string[] {
  const keys = changedKeys(flatListener(before), flatListener(after));
  return keys.length > 0 || isDeepStrictEqual(before.chains, after.chains) ? keys : ["chains"];
}

/** Chains are told of by the keys that usually make them. */
function flatListener({ name, limits, chains, timeouts, ...listener }: Listener): object {
  const rules = rulesOf(chains);
  const mode = modeOf(rules);
  const last = chains.at(-1);
  return {
    name,
    mode,
    ...flatServe(last?.serve),
    routes: rules.slice(0, -1).map((rule) => {
      const [{ match, serve }] = rule.chains;
      return { match, serve, passthrough: isForPassthrough(rule, mode, listener.detect) };
    }),
    ...listener,
    timeouts: { ...timeouts, ...last?.timeouts },
    ...limits,
  };
}

/** A change of the table that it names is one of routes. */
function flatServe(serve: Serve | undefined): object {
  return serve?.kind === "http" ? { pool: serve.fallback, http: serve.front } : { pool: serve };
}

/** Every guard that a route names, once; their names have the table that they stand in. */
const guardsOf = ({ routeTables }: Model): Guard[] => [
  ...new Map(
    routeTables.flatMap(({ guards }) => guards.map((guard) => [guard.name, guard] as const)),
  ).values(),
];

/** Without a change of a route, there may be one of their order, or of hosts that have none. */
function changedRoutes(before: Model, after: Model): readonly string[] {
  const changes = compareNamed("routes", placedRoutes(before), placedRoutes(after), changedInRoute);
  const isSame = changes.length > 0 || isDeepStrictEqual(hostsByTable(before), hostsByTable(after));
  return isSame ? changes : ["routes: changed"];
}

/** Neither tables nor hosts have an order. Guards are compared by themselves. */
const hostsByTable = ({ routeTables }: Model): object =>
  new Map(
    routeTables.map(({ name, guards: _, hosts, ...table }) => [
      name,
      { ...table, hosts: new Map(hosts.map((host) => [host.name, host])) },
    ]),
  );

/** A route, and where tables have it. */
interface RouteInTables {
  readonly name: string;
  readonly route: HttpRoute;
  readonly match: { readonly table: string; readonly host: string; readonly match: RequestMatch }[];
}

/** Every route once. */
function placedRoutes({ routeTables }: Model): RouteInTables[] {
  const routes = new Map<string, RouteInTables>();
  for (const { name: table, hosts } of routeTables)
    for (const { name: host, rules } of hosts)
      for (const { match, route } of rules) {
        const known = routes.get(route.name);
        if (known === undefined)
          routes.set(route.name, { name: route.name, route, match: [{ table, host, match }] });
        else known.match.push({ table, host, match });
      }
  return [...routes.values()];
}

/** Of many routes, most are the same objects at the same places. */
function changedInRoute(before: RouteInTables, after: RouteInTables): readonly string[] {
  const isSame =
    before.route === after.route &&
    before.match.length === after.match.length &&
    before.match.every(({ table, host, match }, index) => {
      const other = after.match[index]!;
      return other.match === match && other.host === host && other.table === table;
    });
  return isSame ? [] : changedKeys(flatRoute(before), flatRoute(after));
}

const flatRoute = ({ route, match }: RouteInTables): object => ({ ...route, match });

const changedInPool = (before: Pool, after: Pool): readonly string[] =>
  changedKeys(flatPool(before), flatPool(after));

const flatPool = ({ health: { check, ...health }, ...pool }: Pool): object => ({
  ...pool,
  ...health,
  health: check,
});

/** @param changed gives the keys that differ, as the configuration spells them. */
function compareNamed<T extends { readonly name: string }>(
  table: string,
  before: readonly T[],
  after: readonly T[],
  changed: (before: T, after: T) => readonly string[],
): readonly string[] {
  const old = new Map(before.map((thing) => [thing.name, thing]));
  const lines: string[] = [];
  for (const thing of after) {
    const other = old.get(thing.name);
    old.delete(thing.name);
    if (other === thing) continue;
    const keys = other && changed(other, thing);
    if (keys === undefined) lines.push(`${table}.${thing.name}: added`);
    else if (keys.length > 0) lines.push(`${table}.${thing.name}: changed ${keys.join(", ")}`);
  }
  return [...lines, ...[...old.keys()].map((name) => `${table}.${name}: removed`)];
}

/** Those that differ, that came or that went, as the configuration spells them. */
function changedKeys(before: object, after: object): readonly string[] {
  const values = new Map<string, unknown>(Object.entries(before));
  const next = new Map<string, unknown>(Object.entries(after));
  return [...new Set([...next.keys(), ...values.keys()])]
    .filter((key) => !isDeepStrictEqual(next.get(key), values.get(key)))
    .map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}
