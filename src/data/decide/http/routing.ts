import { loadRegexes, type Regexes } from "../../../lib/regex.ts";
import type { HttpServe } from "../../../model/http/front.ts";
import type { RequestMatch } from "../../../model/http/match.ts";
import { anyRequest } from "../../../model/http/precedence.ts";
import type { HttpRoute, HttpRouteTable } from "../../../model/http/route.ts";
import { routesOf } from "../../../model/http/route.ts";
import type { RouteTable, Rule } from "../../../model/http/route-table.ts";
import type { PlacedRoute } from "../../../model/snapshot.ts";
import { type CompiledRoute, compileRoute } from "./compiled-route.ts";
import { type NoRoute, RouteIndex, type RouteRequest } from "./route-index.ts";

/** A table; with the places of its routes where it is served. */
export type IndexedTable = HttpRouteTable & { readonly routes?: readonly PlacedRoute[] };

/** Compiles route tables; an engine for regular expressions is loaded for those alone that have some. */
export async function indexTable(table: IndexedTable): Promise<RouteIndex<CompiledRoute>> {
  const regexes = usesRegexes(table) ? await loadRegexes() : undefined;
  return new RouteIndex(compileTable(table, regexes), (pattern, ignoreCase) =>
    regexes!.whole(pattern, ignoreCase),
  );
}

function compileTable(table: IndexedTable, regexes: Regexes | undefined): RouteTable<CompiledRoute> {
  const places = new Map(table.routes?.map((place) => [place.name, place]));
  const guards = new Map(table.guards.map((guard) => [guard.name, guard]));
  const compiled = new Map(
    [...routesOf(table)].map((route) => [
      route,
      compileRoute(route, regexes, { place: places.get(route.name), guards }),
    ]),
  );
  const hosts = table.hosts.map(({ name, rules }) => ({
    name,
    rules: rules.map(({ match, route }) => ({ match, route: compiled.get(route)! })),
  }));
  return { hosts, fallsThrough: table.fallsThrough };
}

function usesRegexes({ hosts }: HttpRouteTable): boolean {
  return hosts.some(({ rules }) =>
    rules.some(({ match, route }) => matchesRegex(match) || rewritesRegex(route)),
  );
}

const matchesRegex = ({ path, headers, query }: RequestMatch): boolean =>
  path?.kind === "regex" || [...headers, ...query].some(({ test }) => test.kind === "regex");

const rewritesRegex = ({ rewrite }: HttpRoute): boolean => rewrite.path?.kind === "regex";

/** A request as it is to be routed. */
export interface RoutedRequest extends RouteRequest {
  /** The path as a lax backend might read it; undefined: there is one reading only. */
  readonly secondPath: string | undefined;
}

/** No rule takes the request, or its two readings are taken by different ones. */
export type Unroutable = NoRoute | { readonly ambiguous: readonly [string, string] };

/** The settings of a listener on which finding a route depends. */
export interface RoutingSettings extends Pick<HttpServe, "fallback"> {
  readonly front: Pick<HttpServe["front"], "ambiguousPaths">;
}

/** The rules of a listener: those of its table, and what becomes of requests that none of them takes. */
export class Routing {
  readonly index: RouteIndex<CompiledRoute>;
  readonly fallback: Rule<CompiledRoute> | undefined;
  readonly #refusesAmbiguous: boolean;

  /** @param index of the table that the listener names. */
  constructor({ fallback, front }: RoutingSettings, index: RouteIndex<CompiledRoute>) {
    this.index = index;
    this.fallback = fallback && { match: anyRequest, route: compileRoute(fallback, undefined) };
    this.#refusesAmbiguous = front.ambiguousPaths === "refuse";
  }

  find(request: RoutedRequest): Rule<CompiledRoute> | Unroutable {
    const found = this.#rule(request);
    const { secondPath } = request;
    if (secondPath === undefined || !this.#refusesAmbiguous) return found;
    const other = this.#rule(new SecondReading(request, secondPath));
    const [name, otherName] = [nameOf(found), nameOf(other)];
    return name === otherName ? found : { ambiguous: [name, otherName] };
  }

  #rule(request: RouteRequest): Rule<CompiledRoute> | NoRoute {
    const found = this.index.find(request);
    return typeof found === "string" && this.fallback !== undefined ? this.fallback : found;
  }
}

/** That there is no host and that there is no rule are the same place. */
const nameOf = (found: Rule<CompiledRoute> | NoRoute): string =>
  typeof found === "string" ? "none" : found.route.name;

/** The same request with its other path. */
class SecondReading implements RouteRequest {
  readonly #request: RouteRequest;
  readonly path: string;

  constructor(request: RouteRequest, path: string) {
    this.#request = request;
    this.path = path;
  }

  get host(): string {
    return this.#request.host;
  }

  get method(): string {
    return this.#request.method;
  }

  header(name: string): string | undefined {
    return this.#request.header(name);
  }

  queryValue(name: string): string | undefined {
    return this.#request.queryValue(name);
  }
}
