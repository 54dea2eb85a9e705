import { loadRegexes, type Regexes } from "../../../lib/regex.ts";
import { loadWire } from "../../../lib/wire.ts";
import { testsOf } from "../../../model/http/condition.ts";
import type { HttpServe } from "../../../model/http/front.ts";
import type { Guard, RateLimit } from "../../../model/http/guard.ts";
import type { RequestMatch, TextTest } from "../../../model/http/match.ts";
import { anyRequest } from "../../../model/http/precedence.ts";
import type { HttpRoute, HttpRouteTable } from "../../../model/http/route.ts";
import { routesOf } from "../../../model/http/route.ts";
import type { RouteTable, Rule } from "../../../model/http/route-table.ts";
import type { PlacedRoute } from "../../../model/snapshot.ts";
import { type CompiledRoute, compileRoute } from "./compiled-route.ts";
import { type ReservedNames, reservedBy } from "./reserved.ts";
import { type NoRoute, RouteIndex, type RouteRequest } from "./route-index.ts";

/** A table; with the places of its routes where it is served. */
export type IndexedTable = HttpRouteTable & { readonly routes?: readonly PlacedRoute[] };

/** A route table, compiled. */
export interface CompiledTable {
  readonly index: RouteIndex<CompiledRoute>;
  /** Fields that a client cannot send, because its guards set them; undefined: none. */
  readonly reserved: ReservedNames | undefined;
  /** Whether a route answers preflights. */
  readonly hasCors: boolean;
}

/** Compiles route tables; an engine for regular expressions is loaded for those alone that have some. */
export async function indexTable(table: IndexedTable): Promise<CompiledTable> {
  if (table.guards.some(isCalled)) await loadWire();
  const regexes = usesRegexes(table) ? await loadRegexes() : undefined;
  const index = new RouteIndex(compileTable(table, regexes), (pattern, ignoreCase) =>
    regexes!.whole(pattern, ignoreCase),
  );
  const hasCors = [...routesOf(table)].some(({ cors }) => cors !== undefined);
  return { index, reserved: reservedBy(table.guards), hasCors };
}

/** The tests of texts by which a guard judges. */
function testsOfGuard(guard: Guard): readonly TextTest[] {
  if (guard.kind === "fault") return [...testsOf(guard.when)];
  if (guard.kind === "rate-limit") return testsOfLimit(guard);
  if (guard.kind === "rules") return guard.rules.flatMap(({ when }) => [...testsOf(when)]);
  if (guard.kind === "forward") {
    const { sees, passes } = guard;
    const passed = [passes?.replaced, passes?.appended, passes?.client, passes?.refused];
    return [sees?.only, sees?.never, ...passed].flatMap((tests) => tests ?? []);
  }
  if (guard.kind !== "process") return [];
  const { rules, sees } = guard;
  return [...sees.only, ...sees.never, rules.allow ?? [], rules.deny ?? []].flat();
}

const testsOfLimit = ({ key, rates = [] }: RateLimit): readonly TextTest[] =>
  [...key, ...rates.flat().map((rate) => rate.key)]
    .flat()
    .flatMap((part) => (part.kind === "condition" ? [...testsOf(part.when)] : []));

/** Whether it is asked over gRPC. */
const isCalled = (guard: Guard): boolean =>
  guard.kind === "process" || (guard.kind === "forward" && guard.asks === "grpc");

function compileTable(table: IndexedTable, regexes: Regexes | undefined): RouteTable<CompiledRoute> {
  const places = new Map(table.routes?.map((place) => [place.name, place]));
  const guards = new Map(table.guards.map((guard) => [guard.name, guard]));
  const compiled = new Map(
    [...routesOf(table)].map((route) => [
      route,
      compileRoute(route, regexes, { place: places.get(route.name), guards }),
    ]),
  );
  const hosts = table.hosts.map(({ rules, ...host }) => ({
    ...host,
    rules: rules.map(({ match, route }) => ({ match, route: compiled.get(route)! })),
  }));
  return { hosts, fallsThrough: table.fallsThrough };
}

function usesRegexes({ hosts, guards }: HttpRouteTable): boolean {
  const isRegex = ({ kind }: TextTest): boolean => kind === "regex";
  return (
    hosts.some(({ rules }) => rules.some(({ match, route }) => matchesRegex(match) || routeRegex(route))) ||
    guards.some((guard) => testsOfGuard(guard).some(isRegex))
  );
}

const matchesRegex = ({ path, headers, query }: RequestMatch): boolean =>
  path?.kind === "regex" || [...headers, ...query].some(({ test }) => test.kind === "regex");

const routeRegex = (route: HttpRoute): boolean => {
  const { rewrite, action, cors, requestFields, responseFields, requestTrailers, responseTrailers } = route;
  const ofPools = action.kind === "pools" ? (action.changes ?? []) : [];
  const changes = [requestFields, responseFields, requestTrailers, responseTrailers].concat(
    ofPools.flatMap((each) => [each.requestFields, each.responseFields]),
  );
  return (
    rewrite.path?.kind === "regex" ||
    rewrite.hostFrom?.kind === "path" ||
    (action.kind === "redirect" && action.redirect.path?.kind === "regex") ||
    [...(cors?.originTests ?? []), ...changes.flatMap((each) => each?.removeMatching ?? [])].some(
      ({ kind }) => kind === "regex",
    )
  );
};

/** A request as it is to be routed. */
export interface RoutedRequest extends RouteRequest {
  /** The path as a lax backend might read it; undefined: there is one reading only. */
  readonly secondPath: string | undefined;
}

/** No rule takes the request, or its two readings are taken by different ones. */
export type Unroutable = NoRoute | { readonly ambiguous: readonly [string, string] };

/** The settings of a listener on which finding a route depends. */
export interface RoutingSettings extends Pick<HttpServe, "fallback"> {
  readonly front: Pick<HttpServe["front"], "ambiguousPaths" | "misdirected">;
}

/** The rules of a listener: those of its table, and what becomes of requests that none of them takes. */
export class Routing {
  readonly index: RouteIndex<CompiledRoute>;
  readonly fallback: Rule<CompiledRoute> | undefined;
  readonly reserved: ReservedNames | undefined;
  readonly hasCors: boolean;
  readonly refusesMisdirected: boolean;
  readonly #refusesAmbiguous: boolean;

  /** @param table that the listener names. */
  constructor({ fallback, front }: RoutingSettings, { index, reserved, hasCors }: CompiledTable) {
    this.index = index;
    this.reserved = reserved;
    this.hasCors = hasCors;
    this.fallback = fallback && { match: anyRequest, route: compileRoute(fallback, undefined) };
    this.refusesMisdirected = front.misdirected === "refuse";
    this.#refusesAmbiguous = front.ambiguousPaths === "refuse";
  }

  /** @param method that counts, in place of the request's own. */
  find(request: RoutedRequest, method?: string): Rule<CompiledRoute> | Unroutable {
    const asked = method === undefined ? request : new SecondReading(request, request.path, method);
    const found = this.#rule(asked);
    const { secondPath } = request;
    if (secondPath === undefined || !this.#refusesAmbiguous) return found;
    const other = this.#rule(new SecondReading(request, secondPath, method));
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

/** The same request with another path, or another method. */
class SecondReading implements RouteRequest {
  readonly #request: RouteRequest;
  readonly path: string;
  readonly method: string;

  constructor(request: RouteRequest, path: string, method = request.method) {
    this.#request = request;
    this.path = path;
    this.method = method;
  }

  get host(): string {
    return this.#request.host;
  }

  get chance(): number | undefined {
    return this.#request.chance;
  }

  header(name: string): string | undefined {
    return this.#request.header(name);
  }

  queryValue(name: string): string | undefined {
    return this.#request.queryValue(name);
  }
}
