import type { DecidedRequest } from "../../../../src/data/decide/http/decide.ts";
import { indexTable, Routing, type RoutingSettings } from "../../../../src/data/decide/http/routing.ts";
import { loadRegexes } from "../../../../src/lib/regex.ts";
import type { RequestMatch } from "../../../../src/model/http/match.ts";
import { anyRequest, orderRoutes } from "../../../../src/model/http/precedence.ts";
import { safeRetries } from "../../../../src/model/http/retry.ts";
import type { HttpRoute } from "../../../../src/model/http/route.ts";

export const regexes = await loadRegexes();

const unchanged = { set: {}, add: {}, remove: [] };

/** A route to a pool of its name, with what is given changed. */
export function routeOf(name: string, rest: Partial<HttpRoute> = {}): HttpRoute {
  return {
    name,
    priority: 0,
    allow: [],
    deny: [],
    guards: [],
    cors: undefined,
    action: { kind: "pools", to: [{ pool: name, weight: 1 }] },
    maxBody: undefined,
    rewrite: { path: undefined, host: undefined },
    requestFields: unchanged,
    responseFields: unchanged,
    timeouts: { firstByte: 1, try: undefined, request: undefined, idle: undefined },
    retry: safeRetries,
    mirrors: [],
    hash: [],
    sticky: undefined,
    upgrades: ["websocket"],
    ...rest,
  };
}

export const prefixMatch = (value: string): RequestMatch => ({
  ...anyRequest,
  path: { kind: "prefix", value, ignoreCase: false },
});

/** Routes by the prefix that they take, on any host. */
export async function routingOf(
  routes: readonly (readonly [prefix: string, route: HttpRoute])[],
  {
    fallback,
    ambiguousPaths = "refuse",
    misdirected = "refuse",
  }: { fallback?: HttpRoute } & Partial<RoutingSettings["front"]> = {},
): Promise<Routing> {
  const table = orderRoutes(
    routes.map(([prefix, route]) => ({ route, hosts: [], matches: [prefixMatch(prefix)], priority: 0 })),
  );
  const index = await indexTable({ name: "t", guards: [], ...table });
  return new Routing({ fallback, front: { ambiguousPaths, misdirected } }, index);
}

/** A request with what is given changed. */
export function requestOf(path: string, rest: Partial<DecidedRequest> = {}): DecidedRequest {
  return {
    host: "a.test",
    authority: "a.test",
    scheme: "http",
    method: "GET",
    path,
    query: "",
    secondPath: undefined,
    client: "198.51.100.1",
    upgrade: "",
    isMisdirected: false,
    header: () => undefined,
    queryValue: () => undefined,
    ...rest,
  };
}
