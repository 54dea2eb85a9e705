import { speaksOnlyHttp1 } from "../../http/backend.ts";
import type { HttpFront, HttpServe } from "../../http/front.ts";
import { takesCallsAlone } from "../../http/match.ts";
import type { HttpRoute, HttpRouteTable } from "../../http/route.ts";
import { routesOf } from "../../http/route.ts";
import type { Rule } from "../../http/route-table.ts";
import type { Listener } from "../../listener.ts";
import type { Model } from "../../model.ts";
import { hashedBy } from "../../pool.ts";
import { isCovered } from "../covered.ts";
import type { ModelFinding } from "../finding.ts";
import { checkGuards } from "./guards.ts";
import { checkRules } from "./rules.ts";

/** Routes for HTTP: those that can't be told apart, take nothing, lead in a circle, or ask for what there is not. */
export function checkHttp(
  model: Pick<Model, "listeners" | "pools" | "routeTables">,
): readonly ModelFinding[] {
  const tables = new Map(model.routeTables.map((table) => [table.name, table]));
  const users = model.listeners.flatMap((listener) =>
    servesOf(listener).map((serve) => ({ listener, serve, table: tables.get(serve.routes)! })),
  );
  return unique([
    ...model.routeTables.flatMap(checkRules),
    ...model.routeTables.flatMap((table) => checkLoops(table, users)),
    ...users.flatMap(({ listener, table }) => checkCertificates(listener, table)),
    ...users.flatMap(({ listener, table }) => checkGuards(listener, table)),
    ...users.flatMap(({ serve, table }) => checkTimeouts(serve.front, table)),
    ...model.listeners.flatMap((listener) => checkHttpsRedirect(listener, model.listeners)),
    ...model.routeTables.flatMap((table) => checkHash(table, model)),
    ...model.routeTables.flatMap((table) => checkCalls(table, model)),
  ]);
}

/** The ways in which a listener's chains speak HTTP; chains of one rule do the same. */
export function servesOf({ chains }: Pick<Listener, "chains">): readonly HttpServe[] {
  return [...new Set(chains.map(({ serve }) => serve).filter((serve) => serve.kind === "http"))];
}

interface User {
  readonly listener: Listener;
  readonly serve: HttpServe;
  readonly table: HttpRouteTable;
}

/** Redirects that lead to the rule that they come from. */
function checkLoops(table: HttpRouteTable, users: readonly User[]): ModelFinding[] {
  const listeners = users.filter((user) => user.table === table).map(({ listener }) => listener);
  return table.hosts.flatMap(({ name: host, rules }) =>
    rules
      .filter((rule) => leadsBack(rule, host, listeners))
      .map(({ route }) => ({ kind: "redirect_loop" as const, path: ["routes", route.name, "redirect"] })),
  );
}

function leadsBack({ match, route }: Rule<HttpRoute>, host: string, listeners: readonly Listener[]): boolean {
  if (route.action.kind !== "redirect") return false;
  const { scheme, host: target, port, path } = route.action.redirect;
  const secure = listeners.every(({ tls, detect }) => tls.length > 0 && !detect);
  const plain = listeners.every(({ tls }) => tls.length === 0);
  const staysHere =
    port === undefined || listeners.every(({ bind }) => bind.kind === "tcp" && bind.port === port);
  const sameScheme = scheme === undefined || (scheme === "https" ? secure : plain);
  // From a wildcard or any host to one name, the second request may have another rule.
  const sameHost = target === undefined || target === host;
  const samePath =
    path === undefined ||
    (path.kind === "path" && match.path?.kind === "exact" && match.path.value === path.path) ||
    (path.kind === "prefix" && match.path?.kind === "prefix" && match.path.value === path.prefix);
  return listeners.length > 0 && staysHere && sameScheme && sameHost && samePath;
}

/** Hosts that clients can't ask for over TLS without a warning of theirs. */
function checkCertificates({ name: listener, tls }: Listener, table: HttpRouteTable): ModelFinding[] {
  const certificates = tls.flatMap((settings) => settings.certificates);
  if (certificates.length === 0) return [];
  const names = new Set(certificates.flatMap((certificate) => certificate.names));
  return table.hosts
    .filter(({ name }) => name !== "*" && !isCovered(name, names))
    .flatMap(({ name: host, rules }) =>
      [...new Set(rules.map(({ route }) => route))].map((route) => ({
        kind: "no_certificate" as const,
        path: ["routes", route.name, "hosts"],
        host,
        listener,
      })),
    );
}

/** A backend that may take longer than its request may be silent. */
function checkTimeouts({ timeouts }: HttpFront, table: HttpRouteTable): ModelFinding[] {
  return [...routesOf(table)]
    .filter(
      ({ action, timeouts: own }) => action.kind === "pools" && own.firstByte > (own.idle ?? timeouts.idle),
    )
    .map(({ name }) => ({ kind: "idle_first" as const, path: ["routes", name, "timeouts", "firstByte"] }));
}

/** Clients that are sent to https where nobody speaks it. */
function checkHttpsRedirect(listener: Listener, listeners: readonly Listener[]): ModelFinding[] {
  const port = servesOf(listener).flatMap(({ fallback }) => {
    if (fallback?.action.kind !== "redirect") return [];
    const { port } = fallback.action.redirect;
    return typeof port === "number" ? port : [];
  })[0];
  if (port === undefined) return [];
  const path = ["listeners", listener.name, "https_redirect"];
  const there = listeners.filter(({ bind }) => bind.kind === "tcp" && bind.port === port);
  // Another port may be mapped to it from outside, as long as anybody terminates or passes TLS on.
  const secure = (other: Listener): boolean => other.chains.some(({ tls }) => tls !== undefined);
  if (there.length > 0 ? there.some(secure) : listeners.some(secure)) return [];
  return [{ kind: "no_https", path, port }];
}

/** Keys to hash, for pools that hash nothing. */
function checkHash(table: HttpRouteTable, { pools }: Pick<Model, "pools">): ModelFinding[] {
  const hashing = new Set(
    pools.filter(({ picker }) => hashedBy(picker) !== undefined).map(({ name }) => name),
  );
  return [...routesOf(table)]
    .filter(({ action, hash }) => hash.length > 0 && action.kind === "pools")
    .filter(({ action }) => action.kind === "pools" && !action.to.some(({ pool }) => hashing.has(pool)))
    .map(({ name }) => ({ kind: "hashes_nothing" as const, path: ["routes", name, "hash"] }));
}

/** Calls of gRPC for backends that speak HTTP/1.1 alone, which has no place for the end of a call. */
function checkCalls(table: HttpRouteTable, { pools }: Pick<Model, "pools">): ModelFinding[] {
  const older = new Set(pools.filter(speaksOnlyHttp1).map(({ name }) => name));
  const routes = table.hosts.flatMap(({ rules }) =>
    rules.filter(({ match }) => takesCallsAlone(match)).map(({ route }) => route),
  );
  return [...new Set(routes)].flatMap((route) =>
    targetsOf(route).flatMap((pool, index) =>
      older.has(pool) ? { kind: "calls_http1", path: ["routes", route.name, "pools", index], pool } : [],
    ),
  );
}

/** Tables share routes: each thing is said once. */
function unique(findings: readonly ModelFinding[]): readonly ModelFinding[] {
  const said = new Map(findings.map((finding) => [JSON.stringify(finding), finding]));
  return [...said.values()];
}

/** Where pools are named by a listener's fallback, or by the routes of its table. */
export function poolUses(
  listener: Pick<Listener, "name" | "chains">,
  tables: ReadonlyMap<string, HttpRouteTable>,
): { readonly path: (string | number)[]; readonly pool: string }[] {
  return servesOf(listener).flatMap(({ routes, fallback }) => {
    const table = tables.get(routes);
    const own =
      fallback === undefined
        ? []
        : targetsOf(fallback).map((pool) => ({ path: ["listeners", listener.name, "pool"], pool }));
    const ruled = [...(table === undefined ? [] : routesOf(table))].flatMap((route) => [
      ...targetsOf(route).map((pool, index) => ({ path: ["routes", route.name, "pools", index], pool })),
      ...route.mirrors.map(({ pool }, index) => ({
        path: ["routes", route.name, "mirror", index, "pool"],
        pool,
      })),
    ]);
    const asked = (table?.guards ?? []).flatMap((guard) =>
      guard.kind === "forward" || guard.kind === "process"
        ? [{ path: [...guard.name.split("."), "pool"], pool: guard.pool }]
        : [],
    );
    return [...own, ...ruled, ...asked];
  });
}

const targetsOf = ({ action }: HttpRoute): string[] =>
  action.kind === "pools" ? action.to.map(({ pool }) => pool) : [];
