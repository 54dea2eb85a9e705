import type { Regexes } from "../../../lib/regex.ts";
import type { Target } from "../../../model/chain.ts";
import type { RequestMatch } from "../../../model/http/match.ts";
import { idempotentMethods, usualTriggers } from "../../../model/http/retry.ts";
import type { HttpRoute, RouteAction, Sticky, TargetChanges } from "../../../model/http/route.ts";
import type {
  FilteredBackendReference,
  Gateway,
  GrpcRoute,
  HttpRoute as HttpRouteObject,
  HttpRouteRule,
  SessionPersistence,
} from "../gateway-api.ts";
import type { KubeObject } from "../meta.ts";
import type { Backends, BackendUser } from "./backends.ts";
import { type Problem, problem } from "./conditions.ts";
import { durationOf } from "./duration.ts";
import { composed, type Filtered, percentOf, readFilters } from "./filters.ts";
import { cookieName } from "./ingress/values.ts";
import { grpcMatch, httpMatch, isProblem, type Matched } from "./matches.ts";
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
  /** Routes that were made of it, by what they depend on besides. */
  readonly made: Map<string, HttpRoute>;
}

/** Reads an HTTPRoute. A rule of which a match is not understood is left out, and told. */
export const readHttpRoute = (route: HttpRouteObject, regexes: Regexes): ReadRoute =>
  readRoute(route, route.spec.rules, "http", (match) => httpMatch(match, regexes));

/** Reads a GRPCRoute. Its calls are requests of HTTP, told by their path. */
export const readGrpcRoute = (route: GrpcRoute, regexes: Regexes): ReadRoute =>
  readRoute(route, route.spec.rules, "grpc", (match) => grpcMatch(match, regexes));

/** A route that did not change is read once. */
const known = new WeakMap<KubeObject, ReadRoute>();

function readRoute<Match>(
  route: KubeObject,
  rules: readonly (Omit<HttpRouteRule, "matches"> & { readonly matches?: readonly Match[] })[] = [{}],
  use: ReadRule["use"],
  readMatch: (match: Match | Record<string, never>) => Matched,
): ReadRoute {
  const before = known.get(route);
  if (before !== undefined) return before;
  const names = ruleNames(route.metadata, rules, use);
  const read = collect(
    rules.map((rule, index) =>
      readRule(
        names[index]!,
        (rule.matches ?? [{}]).map((match) => readMatch(match)),
        rule,
        use,
      ),
    ),
  );
  known.set(route, read);
  return read;
}

/** `namespace/route/rule`. A rule may be called like the number of another one, which then says that it is a number. */
function ruleNames(
  { namespace, name }: KubeObject["metadata"],
  rules: readonly { readonly name?: string }[],
  use: ReadRule["use"],
): readonly string[] {
  const taken = new Set(rules.map((rule) => rule.name));
  return rules.map((rule, index) => {
    const number = taken.has(`${index}`) ? `rule ${index}` : `${index}`;
    return `${use === "grpc" ? "GRPCRoute " : ""}${namespace}/${name}/${rule.name ?? number}`;
  });
}

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
  const sticky = stickyOf(rule.sessionPersistence);
  if (sticky !== undefined && !cookieName.test(sticky.cookie))
    return problem("UnsupportedValue", `${JSON.stringify(sticky.cookie)} is no name of a cookie`);
  const filtered = readFilters(filters);
  return {
    name,
    matches: matches as readonly RequestMatch[],
    filtered: { ...filtered, problem: filtered.problem ?? backendFilterProblem(backendRefs) },
    backends: backendRefs,
    timeouts,
    retry,
    sticky,
    use,
    made: new Map(),
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

/** The pools that a rule leads to. */
interface Leads {
  readonly to: Target;
  /** Pools of the references that have filters of their own. */
  readonly changed: readonly string[];
  /** Of the rule's mirrors; undefined: it can't be had. */
  readonly mirrors: readonly (string | undefined)[];
}

/** Routes of one rule that are kept: it leads elsewhere when other objects change. */
const mostMade = 16;

/** Makes the route of a rule at a listener: the same one as long as nothing is different. */
export function makeRoute(rule: ReadRule, spot: Spot, making: RuleMaking): HttpRoute {
  const leads = leadsOf(rule, spot.gateway, making);
  const key = JSON.stringify([spot.place.port, leads]);
  const found = rule.made.get(key);
  if (found !== undefined) return found;
  const made = newRoute(rule, spot, making.usual, leads);
  if (rule.made.size >= mostMade) rule.made.clear();
  rule.made.set(key, made);
  return made;
}

function newRoute(rule: ReadRule, spot: Spot, usual: HttpRoute, leads: Leads): HttpRoute {
  const { filtered, timeouts, retry } = rule;
  const [request, backendRequest] = [limitOf(timeouts.request), limitOf(timeouts.backendRequest)];
  return {
    ...usual,
    name: rule.name,
    priority: 0,
    action: actionOf(rule, spot, leads),
    rewrite: filtered.rewrite,
    requestFields: filtered.requestFields,
    responseFields: filtered.responseFields,
    timeouts: {
      ...usual.timeouts,
      try: backendRequest ?? usual.timeouts.try,
      request: request ?? usual.timeouts.request,
    },
    retry: retry === undefined ? usual.retry : retryOf(retry),
    mirrors: mirrorsOf(rule, leads),
    sticky: rule.sticky ?? usual.sticky,
    cors: filtered.cors ?? usual.cors,
  };
}

/** In milliseconds; undefined: no limit. */
const limitOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : durationOf(text) || undefined;

function leadsOf(rule: ReadRule, gateway: Gateway, making: RuleMaking): Leads {
  const { filtered, backends: references } = rule;
  const { backends, user, report } = making;
  const isForwarded = filtered.problem === undefined && filtered.redirect === undefined;
  const to = isForwarded ? targetOf(references, gateway, making) : [];
  const isRedirect = filtered.problem === undefined && !isForwarded;
  return {
    to: to.length > 0 || isRedirect ? to : [{ pool: backends.nowhere(rule.name), weight: 1 }],
    changed:
      to.length === 0 ? [] : filteredOf(rule).map((each) => backends.resolve(each, user, gateway).pool),
    mirrors: filtered.mirrors.map((mirror) => {
      const { pool, problem: wrong } = backends.resolve(mirror.backendRef, user, gateway);
      if (wrong === undefined) return pool;
      report(wrong);
      return undefined;
    }),
  };
}

/** The references that have filters of their own. */
const filteredOf = ({ backends }: ReadRule): readonly FilteredBackendReference[] =>
  backends.filter(({ filters = [] }) => filters.length > 0);

function actionOf(rule: ReadRule, spot: Spot, { to, changed }: Leads): RouteAction {
  const { redirect, problem: wrong } = rule.filtered;
  if (wrong === undefined && redirect !== undefined) {
    // Without another scheme, clients come back to the same listener.
    const port = redirect.port ?? (redirect.scheme === undefined ? spot.place.port : undefined);
    return { kind: "redirect", redirect: { ...redirect, port } };
  }
  return changed.length === 0
    ? { kind: "pools", to }
    : { kind: "pools", to, changes: changesOf(rule, changed) };
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
const changesOf = (rule: ReadRule, pools: Leads["changed"]): readonly TargetChanges[] =>
  filteredOf(rule).map(({ filters = [] }, index) => {
    const { requestFields, responseFields } = readFilters(filters);
    return {
      pool: pools[index]!,
      requestFields: composed(rule.filtered.requestFields, requestFields),
      responseFields: composed(rule.filtered.responseFields, responseFields),
      host: undefined,
    };
  });

/** Copies under way at a time, in each worker. */
const mostCopies = 100;

const mirrorsOf = ({ filtered }: ReadRule, { mirrors }: Leads): HttpRoute["mirrors"] =>
  filtered.mirrors.flatMap((mirror, index) => {
    const [pool, percent] = [mirrors[index], percentOf(mirror)];
    return pool !== undefined && percent > 0 ? [{ pool, percent, maxRequests: mostCopies }] : [];
  });

/** In milliseconds. */
const usualBackoff = 25;

/** GEP-1731: some statuses of HTTP, and all that goes wrong before an answer; of methods that may be sent twice. */
function retryOf({ codes = [], attempts = 1, backoff }: HttpRouteRule["retry"] & {}): HttpRoute["retry"] {
  const base = backoff === undefined ? usualBackoff : (durationOf(backoff) ?? usualBackoff);
  return {
    attempts,
    on: usualTriggers,
    statuses: codes,
    methods: idempotentMethods,
    buffer: 65_536,
    backoff: { base, max: Math.max(base * 10, 250) },
  };
}
