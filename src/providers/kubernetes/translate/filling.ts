import type { Regexes } from "../../../lib/regex.ts";
import type { BackendReference, StreamRoute } from "../gateway-api.ts";
import type { Cluster } from "../objects.ts";
import { byAge } from "./age.ts";
import { type AnyRoute, type Attachment, type Attempted, Parents } from "./attach.ts";
import type { Backends, BackendUse, BackendUser } from "./backends.ts";
import type { Problem } from "./conditions.ts";
import type { ServedGateway } from "./gateways.ts";
import { type Overlap, ownerText, takenBy } from "./overlaps.ts";
import {
  type Filled,
  type PlacedHttpRoute,
  type PlacedStream,
  type ServedPlace,
  servePlace,
} from "./places.ts";
import { makeRoute, type ReadRoute, readGrpcRoute, readHttpRoute, targetOf } from "./request-routes.ts";
import type { Said } from "./said.ts";
import { placeText, type RouteKindName, type Spot } from "./spots.ts";
import { type RouteFaults, routeStatus } from "./statuses.ts";
import type { TranslateOptions } from "./translation.ts";

interface FillingParts {
  readonly options: TranslateOptions;
  readonly regexes: Regexes;
  readonly said: Said;
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
  /** Statuses of routes, which wait for what is served. */
  readonly #untold: ((overlaps: ReadonlyMap<string, readonly Overlap[]>) => void)[] = [];
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
  requests(): void {
    const { httpRoutes, grpcRoutes } = this.#cluster;
    const { regexes } = this.#parts;
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
      const attempts = this.#attach(kind, route);
      if (attempts.length > 0) this.#request(kind, route, attempts, read());
    }
  }

  #request(
    kind: "HTTPRoute" | "GRPCRoute",
    route: AnyRoute,
    attempts: readonly Attempted[],
    { rules, refusals }: ReadRoute,
  ): void {
    const unresolved: Problem[] = [];
    const user = userOf(kind, route, kind === "GRPCRoute" ? "grpc" : "http");
    const making = {
      usual: this.#parts.options.defaults.route,
      backends: this.#backends,
      user,
      report: (wrong: Problem) => void unresolved.push(wrong),
    };
    for (const { spot, hosts } of attachmentsOf(attempts)) {
      const placed = this.#routes.get(spot) ?? [];
      this.#routes.set(spot, placed);
      for (const rule of rules)
        placed.push({
          route: makeRoute(rule, spot, making),
          hosts,
          matches: rule.matches,
          priority: 0,
          rank: this.#rank++,
          owner: { kind, namespace: route.metadata.namespace ?? "", name: route.metadata.name },
        });
    }
    // A route that is attached nowhere has references, too.
    if (attempts.every(({ attachments }) => attachments.length === 0))
      for (const rule of rules) targetOf(rule.backends, attempts[0]!.served.gateway, making);
    this.#tell(kind, route, attempts, { refusals, isEmpty: rules.length === 0, unresolved });
  }

  /** TLSRoutes and TCPRoutes. */
  streams(): void {
    for (const [kind, routes] of [
      ["TLSRoute", this.#cluster.tlsRoutes],
      ["TCPRoute", this.#cluster.tcpRoutes],
    ] as const)
      for (const route of [...routes.values()].sort(byAge)) {
        const attempts = this.#attach(kind, route);
        if (attempts.length > 0) this.#stream(kind, route, attempts);
      }
  }

  #stream(kind: "TLSRoute" | "TCPRoute", route: StreamRoute, attempts: readonly Attempted[]): void {
    const unresolved: Problem[] = [];
    const [rule] = route.spec.rules;
    const references: readonly BackendReference[] = rule?.backendRefs ?? [];
    const { namespace, name } = route.metadata;
    const report = (wrong: Problem) => void unresolved.push(wrong);
    const target = (gateway: ServedGateway["gateway"], use: BackendUse) =>
      targetOf(references, gateway, { backends: this.#backends, user: userOf(kind, route, use), report });
    for (const { spot, hosts } of attachmentsOf(attempts)) {
      const placed = this.#streams.get(spot) ?? [];
      const to = target(spot.gateway, spot.passthrough ? "passthrough" : "bytes");
      this.#streams.set(spot, [...placed, { name: `${namespace}/${name}`, hosts, to }]);
    }
    if (attempts.every(({ attachments }) => attachments.length === 0))
      target(attempts[0]!.served.gateway, "bytes");
    this.#tell(kind, route, attempts, { refusals: [], isEmpty: false, unresolved });
  }

  #attach(kind: RouteKindName, route: AnyRoute): readonly Attempted[] {
    const attempts = this.#parents.attach(kind, route);
    for (const { spot } of attachmentsOf(attempts)) spot.attached++;
    return attempts;
  }

  #tell(
    kind: RouteKindName,
    route: AnyRoute,
    attempts: readonly Attempted[],
    faults: Omit<RouteFaults, "overlaps">,
  ): void {
    const { said } = this.#parts;
    const { namespace = "", name } = route.metadata;
    this.#untold.push((all) => {
      const overlaps = all.get(`${kind} ${namespace}/${name}`) ?? [];
      said.put(kind, route, routeStatus(route, attempts, { ...faults, overlaps }, said.controllerName));
    });
  }

  /** Says what became of the routes. @param overlaps in all that is served. */
  tell(overlaps: readonly Overlap[]): void {
    const { said } = this.#parts;
    const once = new Map(overlaps.map((overlap) => [JSON.stringify(overlap), overlap]));
    for (const { loser, winner, what } of once.values())
      said.tell({ about: loser, type: "Warning", reason: "MatchTaken", message: takenBy(what, winner) });
    const byLoser = Map.groupBy(once.values(), ({ loser }) => ownerText(loser));
    for (const untold of this.#untold) untold(byLoser);
  }

  /** The places that are served, each with its routes. */
  places(others: readonly Filled[]): readonly ServedPlace[] {
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
    return [...Map.groupBy(all, ({ spot }) => placeText(spot.place)).values()].map((own) =>
      servePlace(own[0]!.spot.place, own, this.#parts.options),
    );
  }
}

/** Where a route is attached, each listener once: several of its parents may lead there. */
const attachmentsOf = (attempts: readonly Attempted[]): Iterable<Attachment> =>
  new Map(attempts.flatMap(({ attachments }) => attachments.map((each) => [each.spot, each]))).values();

const userOf = (kind: RouteKindName, { metadata }: AnyRoute, use: BackendUse): BackendUser => ({
  group: "gateway.networking.k8s.io",
  kind,
  namespace: metadata.namespace ?? "",
  use,
});
