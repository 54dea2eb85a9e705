import type { Regexes } from "../../../lib/regex.ts";
import type { Slices } from "../../../lib/slices.ts";
import type { Target } from "../../../model/chain.ts";
import type { BackendReference, StreamRoute } from "../gateway-api.ts";
import type { Cluster } from "../objects.ts";
import { byAge } from "./age.ts";
import { type AnyRoute, type Attachment, type Attempted, Parents } from "./attach.ts";
import type { Backends, BackendUse, BackendUser } from "./backends.ts";
import { type Problem, problem } from "./conditions.ts";
import type { ServedGateway } from "./gateways.ts";
import { type Overlap, ownerText, type RouteOwner, takenBy } from "./overlaps.ts";
import {
  type Filled,
  type PlacedHttpRoute,
  type PlacedStream,
  type ServedPlace,
  servePlace,
} from "./places.ts";
import type { Pools } from "./pools.ts";
import { makeRoute, type ReadRoute, readGrpcRoute, readHttpRoute, targetOf } from "./request-routes.ts";
import { type Lodger, room, withoutRoom } from "./room.ts";
import { notServed, type Said } from "./said.ts";
import { placeText, type RouteKindName, type Spot } from "./spots.ts";
import { type RouteFaults, routeStatus } from "./statuses.ts";
import type { TranslateOptions } from "./translation.ts";
import { closed, type Trial } from "./trial.ts";

interface FillingParts {
  readonly options: TranslateOptions;
  readonly regexes: Regexes;
  readonly said: Said;
  readonly slices: Slices;
  readonly pools: Pools;
  readonly trial: Trial;
}

/** A route whose status waits for what is served. */
interface Untold {
  readonly kind: RouteKindName;
  readonly route: AnyRoute;
  readonly attempts: readonly Attempted[];
  readonly faults: Omit<RouteFaults, "overlaps">;
}

/** Fills listeners with the routes that are attached to them. */
export class Filling {
  readonly #cluster: Cluster;
  readonly #gateways: readonly ServedGateway[];
  readonly #parents: Parents;
  readonly #backends: Backends;
  readonly #parts: FillingParts;
  readonly #routes = new Map<Spot, PlacedHttpRoute[]>();
  readonly #streams = new Map<Spot, PlacedStream[]>();
  readonly #untold: Untold[] = [];
  /** The pools that something which is served leads to. */
  readonly poolsUsed = new Set<string>();
  /** How many routes there were so far. */
  #rank = 0;

  constructor(cluster: Cluster, gateways: readonly ServedGateway[], backends: Backends, parts: FillingParts) {
    this.#cluster = cluster;
    this.#gateways = gateways;
    this.#parents = new Parents(gateways, cluster);
    this.#backends = backends;
    this.#parts = parts;
  }

  /** HTTPRoutes and GRPCRoutes. Of two that ask for the same, the older one wins, whichever kind it is. */
  async requests(): Promise<void> {
    const { httpRoutes, grpcRoutes } = this.#cluster;
    const { regexes, slices } = this.#parts;
    const all = [
      ...[...httpRoutes.values()].map((route) => ({
        route,
        kind: "HTTPRoute" as const,
        read: () => readHttpRoute(route, regexes),
      })),
      ...[...grpcRoutes.values()].map((route) => ({
        route,
        kind: "GRPCRoute" as const,
        read: () => readGrpcRoute(route, regexes),
      })),
    ];
    for (const { route, kind, read } of all.sort((left, right) => byAge(left.route, right.route))) {
      await slices.next();
      this.#alone(kind, route, (attempts) => this.#request(kind, route, attempts, read()));
    }
  }

  #request(
    kind: "HTTPRoute" | "GRPCRoute",
    route: AnyRoute,
    attempts: readonly Attempted[],
    { rules, refusals }: ReadRoute,
  ): void {
    const unresolved: Problem[] = [];
    const owner = { kind, namespace: route.metadata.namespace ?? "", name: route.metadata.name };
    const making = {
      usual: this.#parts.options.defaults.route,
      backends: this.#backends,
      user: userOf(kind, route, kind === "GRPCRoute" ? "grpc" : "http"),
      report: (wrong: Problem) => void unresolved.push(wrong),
    };
    const placed = attachmentsOf(attempts).map(({ spot, hosts }) => {
      const routes = rules.map((rule): PlacedHttpRoute => {
        const { matches } = rule;
        const made = makeRoute(rule, spot, making);
        return { route: made, hosts, matches, priority: 0, rank: this.#rank++, owner };
      });
      return { spot, routes };
    });
    // A route that is attached nowhere has references, too.
    if (placed.length === 0)
      for (const rule of rules) targetOf(rule.backends, attempts[0]!.served.gateway, making);
    for (const { spot, routes } of placed) put(this.#routes, spot, routes);
    this.#untold.push({
      kind,
      route,
      attempts,
      faults: { refusals, isEmpty: rules.length === 0, unresolved },
    });
  }

  /** TLSRoutes and TCPRoutes. */
  async streams(): Promise<void> {
    for (const [kind, routes] of [
      ["TLSRoute", this.#cluster.tlsRoutes],
      ["TCPRoute", this.#cluster.tcpRoutes],
    ] as const)
      for (const route of [...routes.values()].sort(byAge)) {
        await this.#parts.slices.next();
        this.#alone(kind, route, (attempts) => this.#stream(kind, route, attempts));
      }
  }

  #stream(kind: "TLSRoute" | "TCPRoute", route: StreamRoute, attempts: readonly Attempted[]): void {
    const unresolved: Problem[] = [];
    const [rule] = route.spec.rules;
    const references: readonly BackendReference[] = rule?.backendRefs ?? [];
    const { namespace = "", name } = route.metadata;
    const owner = { kind, namespace, name };
    const report = (wrong: Problem) => void unresolved.push(wrong);
    const target = (gateway: ServedGateway["gateway"], use: BackendUse) =>
      targetOf(references, gateway, { backends: this.#backends, user: userOf(kind, route, use), report });
    const placed = attachmentsOf(attempts).map(({ spot, hosts }) => {
      const to = target(spot.gateway, spot.passthrough ? "passthrough" : "bytes");
      return { spot, streams: [{ name: `${namespace}/${name}`, hosts, to, owner }] };
    });
    if (placed.length === 0) target(attempts[0]!.served.gateway, "bytes");
    for (const { spot, streams } of placed) put(this.#streams, spot, streams);
    this.#untold.push({ kind, route, attempts, faults: { refusals: [], isEmpty: false, unresolved } });
  }

  /** Translates one route. One that can't be is lost for itself, and says so. */
  #alone(kind: RouteKindName, route: AnyRoute, translate: (attempts: readonly Attempted[]) => void): void {
    let attempts: readonly Attempted[] = [];
    try {
      attempts = this.#attach(kind, route);
      if (attempts.length > 0) translate(attempts);
    } catch (error) {
      const { message } = error as Error;
      this.#parts.said.tell(notServed(kind, route, message));
      const faults = { refusals: [problem("NotServed", message)], isEmpty: true, unresolved: [] };
      if (attempts.length > 0) this.#untold.push({ kind, route, attempts, faults });
    }
  }

  #attach(kind: RouteKindName, route: AnyRoute): readonly Attempted[] {
    const attempts = this.#parents.attach(kind, route);
    for (const { spot } of attachmentsOf(attempts)) spot.attached++;
    return attempts;
  }

  /** Says what became of the routes. @param overlaps in all that is served. */
  async tell(overlaps: readonly Overlap[]): Promise<void> {
    const { said, slices, trial } = this.#parts;
    const refused = [...trial.refused.values()];
    const once = new Map(overlaps.map((overlap) => [JSON.stringify(overlap), overlap]));
    for (const { loser, winner, what } of once.values())
      said.tell({ about: loser, type: "Warning", reason: "MatchTaken", message: takenBy(what, winner) });
    for (const { owner, message } of refused)
      said.tell({ about: owner, type: "Warning", reason: "NotServed", message });
    const lost = Map.groupBy(once.values(), ({ loser }) => ownerText(loser));
    const untried = Map.groupBy(refused, ({ owner }) => ownerText(owner));
    for (const { kind, route, attempts, faults } of this.#untold) {
      await slices.next();
      const { namespace = "", name } = route.metadata;
      const key = `${kind} ${namespace}/${name}`;
      const more = (untried.get(key) ?? []).map(({ message }) => problem("UnsupportedValue", message));
      const all = { ...faults, refusals: [...faults.refusals, ...more], overlaps: lost.get(key) ?? [] };
      said.put(kind, route, routeStatus(route, attempts, all, said.controllerName));
    }
  }

  /** The places that are served, each with its routes. */
  async places(others: readonly Filled[]): Promise<readonly ServedPlace[]> {
    const served = this.#gateways
      .filter(({ fault }) => fault === undefined)
      .flatMap(({ spots }) => spots)
      .filter(({ isServed }) => isServed);
    const filled = served.map(
      (spot): Filled => ({
        spot,
        routes: this.#routes.get(spot) ?? [],
        streams: this.#streams.get(spot) ?? [],
      }),
    );
    const all = [...filled, ...others.filter(({ spot }) => spot.isServed)];
    const tried: Filled[] = [];
    for (const each of all) tried.push({ ...each, routes: await this.#tried(each.routes) });
    const places: ServedPlace[] = [];
    for (const own of Map.groupBy(this.#withRoom(tried), ({ spot }) => placeText(spot.place)).values()) {
      await this.#parts.slices.next();
      places.push(servePlace(own[0]!.spot.place, own, this.#parts.options));
    }
    return places;
  }

  /** Beyond those that there is room for, a rule is left out, and one that leads to more pools answers with an error. */
  #withRoom(all: readonly Filled[]): readonly Filled[] {
    const { pools, trial } = this.#parts;
    const lodgers = all.flatMap(({ routes, streams }) => [
      ...routes.map((of) => this.#lodger(of, of.route.name, poolsOf(of))),
      ...streams.map((of) => this.#lodger(of, undefined, poolsIn(of.to))),
    ]);
    const refused = withoutRoom(lodgers);
    for (const lodger of lodgers)
      if (!refused.has(lodger)) for (const pool of lodger.pools) this.poolsUsed.add(pool);
    if (refused.size === 0) return all;
    const pool = pools.invalid("more", "there is no room for it");
    this.poolsUsed.add(pool);
    const lacks = new Map<unknown, keyof typeof room>();
    for (const [{ of, rule = "it" }, what] of refused) {
      lacks.set(of, what);
      trial.refuse(of.owner, `${rule}: there is room for ${room[what]} ${what}`);
    }
    return all.map(({ spot, routes, streams }) => ({
      spot,
      routes: routes
        .filter((each) => lacks.get(each) !== "rules")
        .map((each) => (lacks.has(each) ? closed(each, pool) : each)),
      streams: streams.map((each) => (lacks.has(each) ? { ...each, to: [{ pool, weight: 1 }] } : each)),
    }));
  }

  #lodger<Of extends { readonly owner: RouteOwner }>(
    of: Of,
    rule: string | undefined,
    pools: readonly string[],
  ): Lodger & { readonly of: Of } {
    const { kind, namespace, name } = of.owner;
    return { of, rule, pools, object: this.#cluster[collections[kind]].get(`${namespace}/${name}`) };
  }

  async #tried(rules: readonly PlacedHttpRoute[]): Promise<readonly PlacedHttpRoute[]> {
    const { slices, trial } = this.#parts;
    const passed: PlacedHttpRoute[] = [];
    for (const rule of rules) {
      await slices.next();
      const usable = trial.passed(rule);
      if (usable !== undefined) passed.push(usable);
    }
    return passed;
  }
}

/** The objects that routes come from. */
const collections = {
  HTTPRoute: "httpRoutes",
  GRPCRoute: "grpcRoutes",
  TLSRoute: "tlsRoutes",
  TCPRoute: "tcpRoutes",
  Ingress: "ingresses",
} as const;

const poolsIn = (target: Target): readonly string[] => target.map(({ pool }) => pool);

const poolsOf = ({ route: { action, mirrors }, guards = [] }: PlacedHttpRoute): readonly string[] => [
  ...(action.kind === "pools" ? poolsIn(action.to) : []),
  ...mirrors.map(({ pool }) => pool),
  ...guards.flatMap((guard) => (guard.kind === "forward" ? [guard.pool] : [])),
];

function put<Thing>(map: Map<Spot, Thing[]>, spot: Spot, things: readonly Thing[]): void {
  const present = map.get(spot);
  if (present === undefined) map.set(spot, [...things]);
  else present.push(...things);
}

/** Where a route is attached, each listener once: several of its parents may lead there. */
const attachmentsOf = (attempts: readonly Attempted[]): readonly Attachment[] => [
  ...new Map(attempts.flatMap(({ attachments }) => attachments.map((each) => [each.spot, each]))).values(),
];

const userOf = (kind: RouteKindName, { metadata }: AnyRoute, use: BackendUse): BackendUser => ({
  group: "gateway.networking.k8s.io",
  kind,
  namespace: metadata.namespace ?? "",
  use,
});
