import type { PathMatch, RequestMatch } from "./match.ts";
import type { RouteHost, RouteTable, Rule } from "./route-table.ts";

/** A route as TOML and Kubernetes have it: without an order of its own. */
export interface UnorderedRoute<Route extends { readonly name: string }> {
  readonly route: Route;
  /** As in {@link RouteHost.name}; empty: any host. */
  readonly hosts: readonly string[];
  /** Any of these; empty: every request. */
  readonly matches: readonly RequestMatch[];
  /** -1000 to 1000, higher ones first: wins over everything but the host. */
  readonly priority: number;
}

export type Ties = "by name" | "as given";

/** Every request. */
export const anyRequest: RequestMatch = { path: undefined, methods: [], headers: [], query: [] };

/**
 * Puts routes without an order into one, by how specific they are: Gateway API's precedence (HTTPRoute, `matches`), with
 * `priority` in front of it and regular expressions between exact paths and prefixes.
 * @param ties the order of routes that are as specific as each other.
 */
export function orderRoutes<Route extends { readonly name: string }>(
  routes: readonly UnorderedRoute<Route>[],
  ties: Ties = "by name",
): RouteTable<Route> {
  const hosts = new Map<string, Ranked<Route>[]>();
  for (const { route, hosts: names, matches, priority } of routes)
    for (const name of names.length === 0 ? ["*"] : names) {
      const ranked = hosts.get(name) ?? [];
      hosts.set(name, ranked);
      for (const match of matches.length === 0 ? [anyRequest] : matches)
        ranked.push({ priority, rule: { match, route } });
    }
  return { hosts: [...hosts].map(([name, ranked]) => hostOf(name, ranked, ties)), fallsThrough: true };
}

interface Ranked<Route> {
  readonly priority: number;
  readonly rule: Rule<Route>;
}

function hostOf<Route extends { readonly name: string }>(
  name: string,
  ranked: Ranked<Route>[],
  ties: Ties,
): RouteHost<Route> {
  ranked.sort(
    (left, right) =>
      right.priority - left.priority ||
      compareMatches(left.rule.match, right.rule.match) ||
      (ties === "by name" ? compareTexts(left.rule.route.name, right.rule.route.name) : 0),
  );
  return { name, rules: ranked.map(({ rule }) => rule) };
}

/** @returns less than 0 where the left one is more specific, 0 where neither is. */
export function compareMatches(left: RequestMatch, right: RequestMatch): number {
  return (
    comparePaths(left.path, right.path) ||
    Number(right.methods.length > 0) - Number(left.methods.length > 0) ||
    right.headers.length - left.headers.length ||
    right.query.length - left.query.length
  );
}

const pathRanks = { exact: 0, regex: 1, prefix: 2, "text-prefix": 2 } as const satisfies Record<
  PathMatch["kind"],
  number
>;

/** Exact, then regular expressions, then prefixes; of two of a kind the longer. No condition is the shortest prefix. */
function comparePaths(left: PathMatch | undefined, right: PathMatch | undefined): number {
  const rank = (path: PathMatch | undefined): number => pathRanks[path?.kind ?? "prefix"];
  return rank(left) - rank(right) || (right?.value.length ?? 0) - (left?.value.length ?? 0);
}

const compareTexts = (left: string, right: string): number => (left < right ? -1 : Number(left > right));
