import type { Regexes } from "../../../lib/regex.ts";
import type { Target } from "../../../model/chain.ts";
import type { RequestMatch } from "../../../model/http/match.ts";
import { idempotentMethods, retryTriggerList } from "../../../model/http/retry.ts";
import type { HttpRoute, RouteAction, Sticky, TargetChanges } from "../../../model/http/route.ts";
import type {
  FilteredBackendReference,
  Gateway,
  GrpcRoute,
  HttpRoute as HttpRouteObject,
  HttpRouteRule,
  SessionPersistence,
} from "../gateway-api.ts";
import type { Backends, BackendUser } from "./backends.ts";
import { type Problem, problem } from "./conditions.ts";
import { durationOf } from "./duration.ts";
import { composed, type Filtered, percentOf, readFilters } from "./filters.ts";
import { grpcMatch, httpMatch, isProblem } from "./matches.ts";
import type { Spot } from "./spots.ts";

/** The rules of a route for requests, apart from where they are attached. */
export interface ReadRoute {
  readonly rules: readonly ReadRule[];
  /** Rules that are left out, or answered with an error: why. */
  readonly refusals: readonly Problem[];
}

/** A rule of an HTTPRoute or of a GRPCRoute. */
export interface ReadRule {
  /** `namespace/name/rule`. */
  readonly name: string;
  readonly matches: readonly RequestMatch[];
  readonly filtered: Filtered;
  readonly backends: readonly FilteredBackendReference[];
  readonly timeouts: HttpRouteRule["timeouts"] & {};
  readonly retry: HttpRouteRule["retry"];
  readonly sticky: Sticky | undefined;
  readonly use: "http" | "grpc";
}

/** Reads an HTTPRoute. A rule of which a match is not understood is left out, and told. */
export function readHttpRoute({ metadata, spec }: HttpRouteObject, regexes: Regexes): ReadRoute {
  const rules = spec.rules ?? [{ matches: [{}] }];
  return collect(
    rules.map((rule, index) => {
      const name = ruleName(metadata, rule.name, index);
      const matches = (rule.matches ?? [{}]).map((match) => httpMatch(match, regexes));
      return readRule(name, matches, rule, "http");
    }),
  );
}

/** Reads a GRPCRoute. Its calls are requests of HTTP, told by their path. */
export function readGrpcRoute({ metadata, spec }: GrpcRoute, regexes: Regexes): ReadRoute {
  const rules = spec.rules ?? [{ matches: [{}] }];
  return collect(
    rules.map((rule, index) => {
      const name = `GRPCRoute ${ruleName(metadata, rule.name, index)}`;
      const matches = (rule.matches ?? [{}]).map((match) => grpcMatch(match, regexes));
      return readRule(name, matches, rule, "grpc");
    }),
  );
}

const ruleName = (
  { namespace, name }: HttpRouteObject["metadata"],
  rule: string | undefined,
  index: number,
): string => `${namespace}/${name}/${rule ?? index}`;

function collect(read: readonly (ReadRule | Problem)[]): ReadRoute {
  const rules = read.filter((rule): rule is ReadRule => !isProblem(rule));
  const ofFilters = rules.flatMap(({ filtered }) => filtered.problem ?? []);
  return { rules, refusals: [...read.filter(isProblem), ...ofFilters] };
}

function readRule(
  name: string,
  matches: readonly (RequestMatch | Problem)[],
  rule: Omit<HttpRouteRule, "matches">,
  use: ReadRule["use"],
): ReadRule | Problem {
  const wrong = matches.find(isProblem);
  if (wrong !== undefined) return wrong;
  const { filters = [], backendRefs = [], timeouts = {}, retry } = rule;
  for (const text of Object.values(timeouts))
    if (durationOf(text) === undefined) return problem("UnsupportedValue", `${text} is no duration`);
  const filtered = readFilters(filters);
  return {
    name,
    matches: matches as readonly RequestMatch[],
    filtered: { ...filtered, problem: filtered.problem ?? backendFilterProblem(backendRefs) },
    backends: backendRefs,
    timeouts,
    retry,
    sticky: stickyOf(rule.sessionPersistence),
    use,
  };
}

/** Of a single backend umay changes header fields, and nothing else. */
function backendFilterProblem(references: readonly FilteredBackendReference[]): Problem | undefined {
  for (const { filters = [] } of references) {
    const foreign = filters.find(
      ({ type }) => type !== "RequestHeaderModifier" && type !== "ResponseHeaderModifier",
    );
    if (foreign !== undefined)
      return problem("UnsupportedValue", `umay has no filter ${foreign.type} for single backends`);
    const { problem: wrong } = readFilters(filters);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function stickyOf(persistence: SessionPersistence | undefined): Sticky | undefined {
  if (persistence === undefined || (persistence.type ?? "Cookie") !== "Cookie") return undefined;
  const { sessionName = "umay-session", absoluteTimeout, cookieConfig } = persistence;
  const isPermanent = cookieConfig?.lifetimeType === "Permanent";
  const maxAge = isPermanent && absoluteTimeout !== undefined ? durationOf(absoluteTimeout) : undefined;
  return { cookie: sessionName, sameSite: "lax", maxAge };
}

/** References of a route that lead nowhere; each once. */
export type ReportProblem = (problem: Problem) => void;

/** The things that turn a rule into a route of the model. */
export interface RuleMaking {
  readonly usual: HttpRoute;
  readonly backends: Backends;
  readonly user: BackendUser;
  /** Is told of references that lead nowhere. */
  readonly report: ReportProblem;
}

/** Makes the route of a rule at a listener. */
export function makeRoute(rule: ReadRule, spot: Spot, making: RuleMaking): HttpRoute {
  const { filtered, timeouts, retry } = rule;
  const { usual } = making;
  const [request, backendRequest] = [limitOf(timeouts.request), limitOf(timeouts.backendRequest)];
  return {
    ...usual,
    name: rule.name,
    priority: 0,
    action: actionOf(rule, spot, making),
    rewrite: filtered.rewrite,
    requestFields: filtered.requestFields,
    responseFields: filtered.responseFields,
    timeouts: {
      ...usual.timeouts,
      try: backendRequest ?? usual.timeouts.try,
      request: request ?? usual.timeouts.request,
    },
    retry: retry === undefined ? usual.retry : retryOf(retry),
    mirrors: mirrorsOf(rule, spot.gateway, making),
    sticky: rule.sticky ?? usual.sticky,
    cors: filtered.cors ?? usual.cors,
  };
}

/** In milliseconds; undefined: no limit. */
const limitOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : durationOf(text) || undefined;

function actionOf(rule: ReadRule, spot: Spot, making: RuleMaking): RouteAction {
  const { redirect, problem: wrong } = rule.filtered;
  const nowhere = (): RouteAction => ({
    kind: "pools",
    to: [{ pool: making.backends.nowhere(rule.name), weight: 1 }],
  });
  if (wrong !== undefined) return nowhere();
  if (redirect !== undefined) {
    // Without another scheme, clients come back to the same listener.
    const port = redirect.port ?? (redirect.scheme === undefined ? spot.place.port : undefined);
    return { kind: "redirect", redirect: { ...redirect, port } };
  }
  const to = targetOf(rule.backends, spot.gateway, making);
  if (to.length === 0) return nowhere();
  const changes = changesOf(rule, spot.gateway, making);
  return changes.length === 0 ? { kind: "pools", to } : { kind: "pools", to, changes };
}

/** The pools of references with a weight, each once. */
export function targetOf(
  references: readonly FilteredBackendReference[],
  gateway: Gateway,
  { backends, user, report }: Pick<RuleMaking, "backends" | "user" | "report">,
): Target {
  const weights = new Map<string, number>();
  for (const reference of references) {
    const { pool, problem: wrong } = backends.resolve(reference, user, gateway);
    if (wrong !== undefined) report(wrong);
    const weight = reference.weight ?? 1;
    if (weight > 0) weights.set(pool, (weights.get(pool) ?? 0) + weight);
  }
  return [...weights].map(([pool, weight]) => ({ pool, weight: Math.min(weight, mostWeight) }));
}

const mostWeight = 1_000_000;

/** Filters of single backends, behind the rule's own. */
function changesOf(
  { backends: references, filtered }: ReadRule,
  gateway: Gateway,
  { backends, user }: RuleMaking,
): readonly TargetChanges[] {
  return references.flatMap((reference) => {
    const { filters = [] } = reference;
    if (filters.length === 0) return [];
    const { requestFields, responseFields } = readFilters(filters);
    return [
      {
        pool: backends.resolve(reference, user, gateway).pool,
        requestFields: composed(filtered.requestFields, requestFields),
        responseFields: composed(filtered.responseFields, responseFields),
        host: undefined,
      },
    ];
  });
}

/** Copies under way at a time, in each worker. */
const mostCopies = 100;

function mirrorsOf({ filtered }: ReadRule, gateway: Gateway, making: RuleMaking): HttpRoute["mirrors"] {
  return filtered.mirrors.flatMap((mirror) => {
    const { pool, problem: wrong } = making.backends.resolve(mirror.backendRef, making.user, gateway);
    if (wrong !== undefined) making.report(wrong);
    const percent = percentOf(mirror);
    return wrong === undefined && percent > 0 ? [{ pool, percent, maxRequests: mostCopies }] : [];
  });
}

/** In milliseconds. */
const usualBackoff = 25;

/** GEP-1731: some statuses, and all that goes wrong before an answer; of methods that may be sent twice. */
function retryOf({ codes = [], attempts = 1, backoff }: HttpRouteRule["retry"] & {}): HttpRoute["retry"] {
  const base = backoff === undefined ? usualBackoff : (durationOf(backoff) ?? usualBackoff);
  return {
    attempts,
    on: retryTriggerList,
    statuses: codes,
    methods: idempotentMethods,
    buffer: 65_536,
    backoff: { base, max: Math.max(base * 10, 250) },
  };
}
