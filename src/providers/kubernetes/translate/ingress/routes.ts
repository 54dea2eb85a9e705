import type { Target } from "../../../../model/chain.ts";
import type { Guard } from "../../../../model/http/guard.ts";
import type { RequestMatch, ValueMatch } from "../../../../model/http/match.ts";
import type { HttpRoute, PathRewrite, Redirect } from "../../../../model/http/route.ts";
import type { Ingress } from "../../core.ts";
import type { RouteOwner } from "../overlaps.ts";
import type { PlacedHttpRoute } from "../places.ts";
import type { Canary, Draft } from "./draft.ts";

/** A path of an Ingress with all that is known of it. */
export interface IngressPart {
  /** Of the route: `Ingress namespace/name/rule.path`. */
  readonly name: string;
  /** `*`: any. */
  readonly hosts: readonly string[];
  readonly match: RequestMatch;
  readonly rewrite: PathRewrite | undefined;
  readonly pool: string;
  readonly draft: Draft;
  readonly guards: readonly Guard[];
  readonly mirror: string | undefined;
  /** Whether every host of it has a certificate. */
  readonly hasTls: boolean;
  /** -1000: behind everything else. */
  readonly priority: number;
  readonly rank: number;
  readonly owner: RouteOwner;
  readonly ingress: Ingress;
}

/** A canary's part, which goes before or beside the part of the same hosts and the same path. */
export type CanaryPart = IngressPart & { readonly draft: Draft & { readonly canary: Canary } };

/** In milliseconds: a redirect asks no backend. */
const permanent = 308;

/** The routes of a part. @param secure whether they are for clients that came over TLS. */
export function routesOf(
  part: IngressPart,
  canaries: readonly CanaryPart[],
  secure: boolean,
  usual: HttpRoute,
): readonly PlacedHttpRoute[] {
  const { draft, hosts, match, priority } = part;
  const base = baseRoute(part, usual);
  const placed = (route: HttpRoute, to: RequestMatch, more = hosts): PlacedHttpRoute => ({
    route,
    hosts: more,
    matches: [to],
    priority,
    rank: part.rank,
    owner: part.owner,
    guards: part.guards,
  });
  const routes: PlacedHttpRoute[] = [];
  if (draft.wwwRedirect && hosts.length > 0)
    for (const host of hosts.filter((each) => !each.startsWith("*")))
      routes.push(placed(redirecting(base, `${part.name} www`, { host }), anyPath, [otherWww(host)]));
  if (draft.appRoot !== undefined)
    routes.push(
      placed(
        redirecting(base, `${part.name} root`, { path: { kind: "path", path: draft.appRoot }, status: 302 }),
        { ...match, path: { kind: "exact", value: "/", ignoreCase: false } },
      ),
    );
  const isSentToHttps =
    !secure && (draft.sslRedirect === "always" || (draft.sslRedirect === "tls" && part.hasTls));
  if (isSentToHttps) return [...routes, placed(redirecting(base, base.name, { scheme: "https" }), match)];
  if (draft.redirect !== undefined)
    return [...routes, placed({ ...base, action: { kind: "redirect", redirect: draft.redirect } }, match)];
  const split = canaries.find(({ draft: { canary } }) => canary.weight > 0);
  for (const canary of canaries)
    for (const [condition, pool, word] of conditionsOf(canary, part.pool))
      routes.push(
        placed(
          { ...base, name: `${canary.name} ${word}`, action: { kind: "pools", to: [{ pool, weight: 1 }] } },
          { ...match, headers: [...match.headers, condition] },
        ),
      );
  const to: Target = split === undefined ? [{ pool: part.pool, weight: 1 }] : splitOf(part.pool, split);
  routes.push(placed({ ...base, action: { kind: "pools", to } }, match));
  return routes;
}

const anyPath: RequestMatch = { path: undefined, methods: [], headers: [], query: [] };

const otherWww = (host: string): string => (host.startsWith("www.") ? host.slice(4) : `www.${host}`);

function redirecting(base: HttpRoute, name: string, change: Partial<Redirect>): HttpRoute {
  const redirect: Redirect = {
    scheme: undefined,
    host: undefined,
    port: undefined,
    path: undefined,
    status: permanent,
    ...change,
  };
  return { ...base, name, guards: [], action: { kind: "redirect", redirect } };
}

function baseRoute({ name, draft, rewrite, guards, mirror }: IngressPart, usual: HttpRoute): HttpRoute {
  const { read, send } = draft.timeouts;
  const idle = read === undefined && send === undefined ? undefined : Math.max(read ?? 0, send ?? 0);
  return {
    ...usual,
    name,
    priority: 0,
    allow: draft.allow,
    deny: draft.deny,
    guards: guards.map((guard) => [guard.name]),
    maxBody: draft.maxBody ?? usual.maxBody,
    rewrite: { path: rewrite, host: draft.host },
    requestFields: { set: draft.requestFields, add: {}, remove: [] },
    responseFields: { set: draft.responseFields, add: {}, remove: [] },
    timeouts: {
      ...usual.timeouts,
      firstByte: read ?? usual.timeouts.firstByte,
      idle: idle ?? usual.timeouts.idle,
    },
    retry: draft.retry ?? usual.retry,
    mirrors: mirror === undefined ? [] : [{ pool: mirror, percent: 100, maxRequests: 100 }],
    hash: draft.hash,
    sticky: draft.sticky,
    // A page of any origin would read what its user may see.
    cors: draft.cors?.origins.includes("*") ? { ...draft.cors, credentials: false } : draft.cors,
    ...(draft.trace !== undefined && { trace: { percent: draft.trace } }),
    ...(!draft.isLogged && { log: { percent: 0, errors: true } }),
  };
}

function splitOf(pool: string, { pool: canary, draft }: CanaryPart): Target {
  const { weight, total } = draft.canary;
  const part = Math.min(weight, total);
  return [...(part < total ? [{ pool, weight: total - part }] : []), { pool: canary, weight: part }];
}

/** Headers and cookies that lead to the canary, or away from it; in the order in which ingress-nginx asks them. */
function conditionsOf(
  { pool: canary, draft: { canary: settings } }: CanaryPart,
  main: string,
): readonly (readonly [ValueMatch, pool: string, word: string])[] {
  const { header, headerValue, headerPattern, cookie } = settings;
  const field = (value: string, kind: "exact" | "regex" = "exact", name = header!): ValueMatch => ({
    name,
    test: { kind, value, ignoreCase: false },
    not: false,
  });
  const found: (readonly [ValueMatch, string, string])[] = [];
  if (header !== undefined && headerValue !== undefined)
    found.push([field(headerValue), canary, "by header"]);
  else if (header !== undefined && headerPattern !== undefined)
    found.push([field(`.*(?:${headerPattern}).*`, "regex"), canary, "by header"]);
  else if (header !== undefined)
    found.push([field("always"), canary, "by header"], [field("never"), main, "not by header"]);
  if (cookie !== undefined)
    for (const [value, pool, word] of [
      ["always", canary, "by cookie"],
      ["never", main, "not by cookie"],
    ] as const)
      found.push([
        field(`(?:.*;)?\\s*${escaped(cookie)}=${value}\\s*(?:;.*)?`, "regex", "cookie"),
        pool,
        word,
      ]);
  return found;
}

const escaped = (name: string): string => name.replaceAll(/[^\w]/g, "\\$&");
