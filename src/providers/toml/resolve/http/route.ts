import { errorAt, type Path, warningAt } from "../../../../lib/findings.ts";
import type { Compression } from "../../../../model/http/compression.ts";
import type { Cors } from "../../../../model/http/cors.ts";
import type { RequestMatch } from "../../../../model/http/match.ts";
import type { UnorderedRoute } from "../../../../model/http/precedence.ts";
import type { FieldChanges, HashKey, HttpRoute } from "../../../../model/http/route.ts";
import type { CompressSettings } from "../../schema/http/compress.ts";
import type { FieldChangeSettings, RouteSettings } from "../../schema/http/route.ts";
import { trimmedBits } from "../limits.ts";
import { resolveAction, resolveRewrite } from "./action.ts";
import { given, type Resolving } from "./context.ts";
import { guardsOf } from "./guards.ts";
import { resolveMatch } from "./match.ts";
import { resolveRetry } from "./retry.ts";

/** A route with the listeners that it is for; undefined: all that speak HTTP. */
export interface ResolvedRoute extends UnorderedRoute<HttpRoute> {
  readonly listeners: readonly string[] | undefined;
}

const inline = ["path", "path_prefix", "path_regex", "grpc", "methods", "headers", "query"] as const;

/** @param knowing names of guards that have to know who the client is. */
export async function resolveRoute(
  name: string,
  settings: RouteSettings,
  resolving: Resolving,
  knowing: ReadonlySet<string> = new Set(),
): Promise<ResolvedRoute> {
  const path = ["routes", name];
  const { priority, listeners, hosts = [], timeouts, sticky } = settings;
  const matches = await resolveMatches(settings, path, resolving);
  const action = await resolveAction(settings, matches, path, resolving);
  if (action.kind !== "pools") checkBackendKeys(settings, action.kind, path, resolving);
  const { allow = [], deny } = settings;
  for (const [key, cidrs] of Object.entries({ allow, deny }))
    for (const finding of trimmedBits(cidrs, [...path, key])) resolving.report(finding);
  const route: HttpRoute = {
    name,
    priority,
    allow: allow.map(({ cidr }) => cidr),
    deny: deny.map(({ cidr }) => cidr),
    guards: guardsOf(settings, knowing),
    action,
    maxBody: settings.max_body,
    ...(settings.max_response !== undefined && { maxResponse: settings.max_response }),
    rewrite: {
      path: await resolveRewrite(settings.rewrite, matches, [...path, "rewrite"], resolving),
      host: settings.rewrite.host,
    },
    requestFields: fieldChanges(settings.request_headers),
    responseFields: fieldChanges(settings.response_headers),
    timeouts: {
      firstByte: timeouts.first_byte,
      try: timeouts.try || undefined,
      request: timeouts.request || undefined,
      idle: timeouts.idle,
    },
    mirrors: settings.mirror.map(({ pool, percent, max_requests: maxRequests }) => ({
      pool,
      percent,
      maxRequests,
    })),
    retry: resolveRetry(settings.retry, [...path, "retry"], resolving),
    hash: settings.hash.map(hashKey),
    sticky: sticky && {
      cookie: sticky.cookie,
      sameSite: sticky.same_site,
      maxAge: sticky.max_age,
      ...(sticky.strict && { strict: true }),
    },
    cors: resolveCors(settings.cors, [...path, "cors"], resolving),
    upgrades: settings.upgrades,
    ...(settings.compress !== undefined && { compress: compressionOf(settings.compress) }),
    ...(settings.trace !== undefined && { trace: settings.trace }),
    ...(settings.log !== undefined && { log: settings.log }),
  };
  return { route, hosts: [...new Set(hosts)], matches, priority, listeners };
}

const compressionOf = ({ codings, types, min_size: minSize }: CompressSettings): Compression => ({
  codings,
  types,
  minSize,
});

/** The alternatives of `match`, or the one that stands in the route itself; empty: every request. */
async function resolveMatches(
  settings: RouteSettings,
  path: Path,
  resolving: Resolving,
): Promise<RequestMatch[]> {
  const [key] = given(settings, inline);
  if (settings.match !== undefined && key !== undefined)
    resolving.report(errorAt([...path, key], "stands beside match; move it into each entry of match"));
  if (settings.match === undefined)
    return key === undefined
      ? []
      : [await resolveMatch({ ...settings, ignore_case: false }, path, resolving)];
  return Promise.all(
    settings.match.map((entry, index) => resolveMatch(entry, [...path, "match", index], resolving)),
  );
}

/** Keys that say how a backend is asked, where none is. */
function checkBackendKeys(
  settings: RouteSettings,
  action: "redirect" | "respond",
  path: Path,
  { report }: Resolving,
): void {
  const { rewrite, request_headers: changes, hash, sticky, retry, mirror } = settings;
  const given = {
    rewrite: Object.values(rewrite).some((value) => value !== undefined),
    request_headers: [changes.set, changes.add, changes.remove].some((part) => Object.keys(part).length > 0),
    hash: hash.length > 0,
    sticky: sticky !== undefined,
    retry: retry !== undefined,
    mirror: mirror.length > 0,
    max_response: settings.max_response !== undefined,
  };
  for (const [key, there] of Object.entries(given))
    if (there)
      report(errorAt([...path, key], `has no effect beside ${action}, which asks no backend; remove it`));
}

const lowerKeys = <T>(table: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [name.toLowerCase(), value]));

const fieldChanges = ({ set, add, remove }: FieldChangeSettings): FieldChanges => ({
  set: lowerKeys(set),
  add: lowerKeys(add),
  remove,
});

/** @param text `header:x-user`, `source-ip` and the like. */
function hashKey(text: string): HashKey {
  const colon = text.indexOf(":");
  if (colon === -1) return { kind: "source-ip" };
  const kind = text.slice(0, colon) as Exclude<HashKey["kind"], "source-ip">;
  const name = text.slice(colon + 1);
  return { kind, name: kind === "header" ? name.toLowerCase() : name };
}

function resolveCors(settings: RouteSettings["cors"], path: Path, { report }: Resolving): Cors | undefined {
  if (settings === undefined) return undefined;
  const { origins, methods, headers, expose, credentials, max_age: maxAge } = settings;
  if (credentials && origins.includes("*"))
    report(
      warningAt(
        [...path, "credentials"],
        'with origins = ["*"] every page that a user visits can act in the user\'s name; name the origins',
      ),
    );
  return { origins, methods, headers, expose, credentials, maxAge };
}
