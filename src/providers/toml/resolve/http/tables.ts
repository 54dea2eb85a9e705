import { errorAt, type Path, warningAt } from "../../../../lib/findings.ts";
import { didYouMean, listChoices } from "../../../../lib/suggest.ts";
import type { Guard } from "../../../../model/http/guard.ts";
import { orderRoutes } from "../../../../model/http/precedence.ts";
import type { HttpRouteTable } from "../../../../model/http/route.ts";
import type { Settings } from "../../schema.ts";
import type { Resolving } from "./context.ts";
import { checkGuardNames, resolveGuards } from "./guards.ts";
import { knowsClient } from "./rate-limit.ts";
import { type ResolvedRoute, resolveRoute } from "./route.ts";

export interface Tables {
  readonly tables: readonly HttpRouteTable[];
  /** By listener, for each that speaks HTTP. */
  readonly nameOf: ReadonlyMap<string, string>;
}

/**
 * The routes of each http listener, in the order in which they are asked. Listeners with the same ones share a table, which
 * is named as the first of them.
 */
export async function resolveTables(
  settings: Pick<Settings, "listeners" | "routes" | "auth" | "rate_limits">,
  resolving: Resolving,
): Promise<Tables> {
  const { listeners, routes } = settings;
  const guards = await resolveGuards(settings, resolving);
  const knowing = new Set([...guards.values()].filter(knowsClient).map(({ name }) => name));
  const resolved: ResolvedRoute[] = [];
  for (const [name, route] of Object.entries(routes)) {
    const path = ["routes", name];
    resolved.push(await resolveRoute(name, route, resolving, knowing));
    checkListeners(route.listeners ?? [], [...path, "listeners"], listeners, resolving);
    checkGuardNames(route, path, settings, resolving);
  }
  const speaking = Object.keys(listeners).filter((name) => listeners[name]!.mode === "http");
  if (speaking.length === 0)
    for (const { route } of resolved)
      resolving.report({
        ...errorAt(["routes", route.name], 'no listener has mode = "http", which takes requests for it'),
        at: "key",
      });
  else checkTaken(resolved, speaking, listeners, resolving);
  const tables = new Map<string, HttpRouteTable>();
  const nameOf = new Map<string, string>();
  for (const name of speaking) {
    const own = resolved.filter((route) => isFor(route, name, listeners));
    const { pool, https_redirect: redirect } = listeners[name]!;
    if (own.length === 0 && pool === undefined && redirect === undefined)
      resolving.report(
        errorAt(
          ["listeners", name],
          "serves nothing: it has no pool and no https_redirect, and no route is for it",
        ),
      );
    const key = own.map(({ route }) => route.name).join();
    const table = tables.get(key) ?? { name, guards: guardsIn(own, guards), ...orderRoutes(own) };
    tables.set(key, table);
    nameOf.set(name, table.name);
  }
  return { tables: [...tables.values()], nameOf };
}

/** Whoever redirects to https wants nothing to be served in the clear that does not say so itself. */
const isFor = (route: ResolvedRoute, listener: string, listeners: Settings["listeners"]): boolean =>
  route.listeners?.includes(listener) ?? listeners[listener]!.https_redirect === undefined;

/** @param speaking the listeners that speak HTTP. */
function checkTaken(
  routes: readonly ResolvedRoute[],
  speaking: readonly string[],
  listeners: Settings["listeners"],
  { report }: Resolving,
): void {
  for (const route of routes)
    if (route.listeners === undefined && !speaking.some((name) => isFor(route, name, listeners)))
      report({
        ...errorAt(
          ["routes", route.route.name],
          `is for no listener: one with https_redirect takes requests only for routes that name it; add listeners = ["${speaking[0]}"]`,
        ),
        at: "key",
      });
}

/** Those that routes name; one that is not there was reported. */
function guardsIn(routes: readonly ResolvedRoute[], guards: ReadonlyMap<string, Guard>): readonly Guard[] {
  const names = new Set(routes.flatMap(({ route }) => route.guards.flat()));
  return [...names].flatMap((name) => guards.get(name) ?? []);
}

function checkListeners(
  names: readonly string[],
  path: Path,
  listeners: Settings["listeners"],
  { report }: Resolving,
): void {
  const http = Object.keys(listeners).filter((name) => listeners[name]!.mode === "http");
  for (const [index, name] of names.entries()) {
    const place = [...path, index];
    if (names.indexOf(name) < index) report(warningAt(place, `${JSON.stringify(name)} is in the list twice`));
    else if (!Object.hasOwn(listeners, name)) {
      const known = Object.keys(listeners);
      const message = `no listener is named ${JSON.stringify(name)}; there is ${listChoices(known)}`;
      report(errorAt(place, message, didYouMean(name, known)));
    } else if (!http.includes(name))
      report(
        errorAt(place, `listeners.${name} does not take requests; give it mode = "http", or remove it here`),
      );
  }
}
