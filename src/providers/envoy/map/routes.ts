import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { Target } from "../../../model/chain.ts";
import type {
  HashKey,
  HttpRoute,
  HttpRouteTable,
  RedirectStatus,
  RouteAction,
} from "../../../model/http/route.ts";
import type { RouteHost, Rule } from "../../../model/http/route-table.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { mapFields } from "./fields.ts";
import { mapMatch, mapRegex } from "./match.ts";
import { textOf } from "./material.ts";

/**
 * A `RouteConfiguration`, with the order that it has.
 * @param name of the table.
 * @param upgrades those that its listener has switched on, unless a route says otherwise.
 */
export async function mapRouteTable(
  config: Node,
  name: string,
  upgrades: HttpRoute["upgrades"],
  mapping: Mapping,
): Promise<HttpRouteTable> {
  const hosts: RouteHost<HttpRoute>[] = [];
  const taken = new Set<string>();
  for (const host of config.nodes("virtual_hosts")) {
    const rules = await mapVirtualHost(host, { config, table: name, upgrades }, mapping);
    for (const [index, domain] of host.texts("domains").entries()) {
      const known = hostName(domain);
      const at = [...host.at("domains"), index];
      if (known === undefined)
        mapping.report(errorAt(at, `${JSON.stringify(domain)} is not supported: names, *.names and * are`));
      else if (taken.has(known)) mapping.report(errorAt(at, `${JSON.stringify(domain)} is there already`));
      else hosts.push({ name: known, rules });
      if (known !== undefined) taken.add(known);
    }
  }
  return { ...tableDefaults, name, hosts, fallsThrough: false };
}

const tableDefaults = { guards: [] };

/** A domain in lower case and without its port, which does not count; undefined: a form that umay does not have. */
function hostName(domain: string): string | undefined {
  const name = domain.toLowerCase().replace(/:(\d+|\*)$/, "");
  return /^(\*|(\*\.)?[^*]+)$/.test(name) ? name : undefined;
}

/** Settings that the routes of a table have in common. */
interface Common {
  readonly config: Node;
  readonly table: string;
  readonly upgrades: HttpRoute["upgrades"];
}

async function mapVirtualHost(
  host: Node,
  common: Common,
  mapping: Mapping,
): Promise<readonly Rule<HttpRoute>[]> {
  const rules: Rule<HttpRoute>[] = [];
  for (const [index, route] of host.nodes("routes").entries()) {
    const match = route.node("match");
    if (match === undefined) {
      mapping.report(errorAt(route.path, "has no match"));
      continue;
    }
    const name = `${common.table}/${host.text("name")}/${route.text("name") || index}`;
    const mapped = await mapMatch(match, mapping);
    const target = await mapRoute(route, name, [route, host, common.config], common.upgrades, mapping);
    if (mapped !== undefined && target !== undefined) rules.push({ match: mapped, route: target });
  }
  if (!["", "NONE"].includes(host.text("require_tls")))
    mapping.report(
      errorAt(
        host.at("require_tls"),
        "is not supported; redirect with https_redirect on a listener without TLS",
      ),
    );
  return rules;
}

/** @param levels the route, its virtual host, its table. */
async function mapRoute(
  route: Node,
  name: string,
  levels: readonly Node[],
  upgrades: HttpRoute["upgrades"],
  mapping: Mapping,
): Promise<HttpRoute | undefined> {
  const usual = mapping.defaults.route;
  const action = await mapAction(route, mapping);
  if (action === undefined) return undefined;
  const forward = route.node("route");
  return {
    ...usual,
    name,
    priority: 0,
    action,
    rewrite: forward === undefined ? usual.rewrite : await mapRewrite(forward, route.node("match"), mapping),
    requestFields: mapFields(levels, "request", usual.requestFields, mapping),
    responseFields: mapFields(levels, "response", usual.responseFields, mapping),
    timeouts: {
      ...usual.timeouts,
      ...(forward !== undefined && timeoutsOf(forward)),
    },
    hash: forward === undefined ? [] : mapHash(forward, mapping),
    upgrades: forward === undefined ? [] : upgradesOf(forward, upgrades),
  };
}

/** In milliseconds, of Envoy: 15 s for the whole, 0 for no limit. */
const usualTimeout = 15_000;

function timeoutsOf(forward: Node): Pick<HttpRoute["timeouts"], "firstByte" | "request" | "idle"> {
  const whole = forward.number("timeout") ?? usualTimeout;
  const idle = forward.number("idle_timeout");
  return {
    firstByte: whole === 0 ? noLimit : whole,
    request: whole === 0 ? undefined : whole,
    idle: idle === 0 ? noLimit : idle,
  };
}

/** A day, in milliseconds: that a timeout is switched off is no reason to keep what died. */
const noLimit = 86_400_000;

/** A route may switch on or off what its listener has. */
function upgradesOf(forward: Node, upgrades: HttpRoute["upgrades"]): HttpRoute["upgrades"] {
  const own = forward
    .nodes("upgrade_configs")
    .find((each) => each.text("upgrade_type").toLowerCase() === "websocket");
  return own === undefined ? upgrades : own.flag("enabled") === false ? [] : ["websocket"];
}

async function mapAction(route: Node, mapping: Mapping): Promise<RouteAction | undefined> {
  const forward = route.node("route");
  if (forward !== undefined) {
    const to = mapTarget(forward, mapping);
    return to && { kind: "pools", to };
  }
  const redirect = route.node("redirect");
  if (redirect !== undefined) return mapRedirect(redirect, mapping);
  const direct = route.node("direct_response");
  if (direct === undefined) {
    mapping.report(errorAt(route.path, "leads nowhere; expected route, redirect or direct_response"));
    return undefined;
  }
  const status = direct.number("status") ?? 0;
  if (status < 200 || status > 599)
    mapping.report(errorAt(direct.at("status"), "expected a status from 200 to 599"));
  const body = direct.node("body");
  const text = body && (await textOf(body, "the body", mapping));
  const bytes = text === undefined || text === "" ? undefined : new Uint8Array(Buffer.from(text));
  const content = bytes && { source: undefined, bytes, type: "text/plain" };
  return { kind: "respond", status, content };
}

function mapTarget(forward: Node, mapping: Mapping): Target | undefined {
  const cluster = forward.text("cluster");
  if (cluster !== "") return [{ pool: cluster, weight: 1 }];
  return mapWeights(forward.node("weighted_clusters"), forward, mapping);
}

/** Weighted clusters, those of weight 0 left out. */
export function mapWeights(weighted: Node | undefined, owner: Node, { report }: Mapping): Target | undefined {
  const target = (weighted?.nodes("clusters") ?? [])
    .map((each) => ({ pool: each.text("name"), weight: each.number("weight") ?? 0 }))
    .filter(({ weight }) => weight > 0);
  if (target.length > 0) return target;
  report(
    errorAt(
      (weighted ?? owner).path,
      "leads nowhere; expected cluster, or weighted_clusters with weights above 0",
    ),
  );
  return undefined;
}

const statuses: Readonly<Record<string, RedirectStatus>> = {
  "": 301,
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

function mapRedirect(redirect: Node, mapping: Mapping): RouteAction {
  const scheme = redirect.flag("https_redirect") === true ? "https" : redirect.text("scheme_redirect");
  if (!["", "http", "https"].includes(scheme))
    mapping.report(errorAt(redirect.at("scheme_redirect"), "expected http or https"));
  const path = redirect.text("path_redirect");
  if (/[?#]/.test(path))
    mapping.report(errorAt(redirect.at("path_redirect"), "has a query; umay keeps the request's own"));
  const prefix = redirect.has("prefix_rewrite") ? redirect.text("prefix_rewrite") : undefined;
  return {
    kind: "redirect",
    redirect: {
      scheme: scheme === "http" || scheme === "https" ? scheme : undefined,
      host: redirect.text("host_redirect").toLowerCase() || undefined,
      port: redirect.number("port_redirect") || undefined,
      status: statuses[redirect.text("response_code")]!,
      path:
        path !== "" ? { kind: "path", path } : prefix === undefined ? undefined : { kind: "prefix", prefix },
    },
  };
}

async function mapRewrite(
  forward: Node,
  match: Node | undefined,
  mapping: Mapping,
): Promise<HttpRoute["rewrite"]> {
  const host = forward.text("host_rewrite_literal") || undefined;
  if (forward.flag("auto_host_rewrite") === true)
    mapping.report(
      warningAt(
        forward.at("auto_host_rewrite"),
        "has no effect: whether backends see their own host is a matter of their pool",
      ),
    );
  if (forward.has("prefix_rewrite")) {
    if (match?.has("safe_regex"))
      mapping.report(
        errorAt(forward.at("prefix_rewrite"), "needs a match by prefix or path; use regex_rewrite"),
      );
    const prefix = forward.text("prefix_rewrite");
    const bare = match?.has("path_separated_prefix") ? prefix.replace(/\/$/, "") : prefix;
    return { path: { kind: "prefix", prefix: bare }, host };
  }
  const rewrite = forward.node("regex_rewrite");
  const matcher = rewrite?.node("pattern");
  if (rewrite === undefined || matcher === undefined) return { path: undefined, host };
  // Envoy writes \1 where umay writes $1.
  const replacement = rewrite
    .text("substitution")
    .replaceAll("$", "$$$$")
    .replaceAll(/\\(\d)/g, "$$$1");
  const pattern = await mapRegex(matcher, mapping, replacement);
  return { path: pattern === undefined ? undefined : { kind: "regex", pattern, replacement }, host };
}

function mapHash(forward: Node, { report }: Mapping): readonly HashKey[] {
  return forward.nodes("hash_policy").flatMap((policy): HashKey[] => {
    const header = policy.node("header");
    if (header !== undefined) return [{ kind: "header", name: header.text("header_name").toLowerCase() }];
    const cookie = policy.node("cookie");
    if (cookie !== undefined) return [{ kind: "cookie", name: cookie.text("name") }];
    const parameter = policy.node("query_parameter");
    if (parameter !== undefined) return [{ kind: "query", name: parameter.text("name") }];
    if (policy.node("connection_properties")?.flag("source_ip") === true) return [{ kind: "source-ip" }];
    report(
      errorAt(policy.path, "expected header, cookie, query_parameter or connection_properties.source_ip"),
    );
    return [];
  });
}
