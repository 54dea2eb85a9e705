import { errorAt, warningAt } from "../../../lib/findings.ts";
import { anyRequest } from "../../../model/http/precedence.ts";
import type { HttpRoute, HttpRouteTable } from "../../../model/http/route.ts";
import type { RouteHost, Rule } from "../../../model/http/route-table.ts";
import type { Node } from "../node.ts";
import { readMessage } from "../read/message.ts";
import { messageType } from "../schema/registry.ts";
import type { Mapping } from "./context.ts";
import { checkOverrides, readFilters, TableGuards } from "./filters/filters.ts";
import { healthRules } from "./filters/health-check.ts";
import { mapMatch } from "./match.ts";
import { type Common, mapRoute } from "./route.ts";
import { weightedClusters } from "./weighted.ts";

/** The listener's part in a table of routes. */
export interface TableUse {
  /** Of the table. */
  readonly name: string;
  /** Switched on for all routes that say nothing else. */
  readonly upgrades: HttpRoute["upgrades"];
  /** Whether its clients come over TLS. */
  readonly secure: boolean;
  /** Whether each of them has shown a certificate. */
  readonly mutual: boolean;
  /** The connection manager; undefined: any. */
  readonly manager: Node | undefined;
}

/** Checks routes that came alone: nobody knows who uses them, and which filters there are. */
export async function checkRoutes(config: Node, mapping: Mapping): Promise<void> {
  const use = { name: config.text("name"), upgrades: [], secure: true, mutual: false, manager: undefined };
  await mapRouteTable(config, use, mapping);
}

/** Routes that use each filter. */
const anyRoutes = readMessage(
  messageType("envoy.config.route.v3.RouteConfiguration"),
  { virtual_hosts: [{ domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "any" } }] }] },
  [],
  () => {},
);

/** Checks the filters of a connection manager whose routes are not there yet. */
export async function checkFilters(use: TableUse, mapping: Mapping): Promise<void> {
  await mapRouteTable(anyRoutes, use, mapping);
}

/** A `RouteConfiguration`, with the order that it has, and with what the filters of its connection manager do. */
export async function mapRouteTable(config: Node, use: TableUse, mapping: Mapping): Promise<HttpRouteTable> {
  const hosts: RouteHost<HttpRoute>[] = [];
  const taken = new Set<string>();
  const filters = use.manager?.nodes("http_filters") ?? [];
  const guards = new TableGuards(use.name);
  const common: Common = { ...use, config, filters: readFilters(filters, mapping), guards };
  const first = await healthRules(filters, common, mapping);
  checkOverrides(config, use.manager, mapping);
  for (const host of config.nodes("virtual_hosts")) {
    checkOverrides(host, use.manager, mapping);
    const rules = [...first, ...(await mapVirtualHost(host, common, mapping))];
    const own = new Set<string>();
    for (const [index, domain] of host.texts("domains").entries()) {
      const known = hostName(domain);
      const at = [...host.at("domains"), index];
      if (known === undefined)
        mapping.report(
          errorAt(at, `${JSON.stringify(domain)} is not supported: names, *.names, names.* and * are`),
        );
      else if (own.has(known)) continue;
      else if (taken.has(known)) mapping.report(errorAt(at, `${JSON.stringify(domain)} is there already`));
      else hosts.push({ name: known, rules });
      if (known !== undefined) own.add(known);
      if (known !== undefined) taken.add(known);
    }
  }
  if (use.manager !== undefined) tellUnasked(config, guards, mapping);
  return { name: use.name, guards: [...guards.guards.values()], hosts, fallsThrough: false };
}

/** Tells of `RateLimit`s that no filter asks for. */
function tellUnasked(config: Node, { asked }: TableGuards, { report }: Mapping): void {
  const message =
    "has no effect: no local_ratelimit with descriptors asks for it, and there is no rate limit service";
  for (const host of config.nodes("virtual_hosts"))
    for (const owner of [host, ...host.nodes("routes").flatMap((route) => route.node("route") ?? [])])
      for (const limit of owner.nodes("rate_limits"))
        if (!asked.has(limit)) report(warningAt(limit.path, message));
}

/** A domain in lower case and without its port, which does not count; undefined: a form that umay does not have. */
function hostName(domain: string): string | undefined {
  const name = domain.toLowerCase().replace(/:(\d+|\*)$/, "");
  return /^(\*|(\*\.)?[^*]+|[^*]+\.\*)$/.test(name) ? name : undefined;
}

async function mapVirtualHost(
  host: Node,
  common: Common,
  mapping: Mapping,
): Promise<readonly Rule<HttpRoute>[]> {
  if (!common.secure && !["", "NONE"].includes(host.text("require_tls")))
    return [secureRule(host, common, mapping)];
  const rules: Rule<HttpRoute>[] = [];
  for (const [index, route] of host.nodes("routes").entries()) {
    for (const level of [route, ...weightedClusters(route)]) checkOverrides(level, common.manager, mapping);
    const match = route.node("match");
    if (match === undefined) {
      mapping.report(errorAt(route.path, "has no match"));
      continue;
    }
    const mapped = await mapMatch(match, mapping);
    const name = `${common.name}/${host.text("name")}/${route.text("name") || index}`;
    if (mapped !== undefined) rules.push(...(await mapRoute(route, name, mapped, host, common, mapping)));
  }
  return rules;
}

/** `require_tls`: clients without TLS are sent to where there is. */
function secureRule(host: Node, { name }: Common, { defaults }: Mapping): Rule<HttpRoute> {
  const redirect = {
    scheme: "https",
    host: undefined,
    port: undefined,
    status: 301,
    path: undefined,
  } as const;
  const route: HttpRoute = {
    ...defaults.route,
    name: `${name}/${host.text("name")}/require_tls`,
    action: { kind: "redirect", redirect },
  };
  return { match: anyRequest, route };
}
