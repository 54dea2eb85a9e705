import { loadRegexes, type Regexes } from "../../../lib/regex.ts";
import type { BackendReference, StreamRoute } from "../gateway-api.ts";
import type { Cluster } from "../objects.ts";
import { byAge } from "./age.ts";
import { type AnyRoute, type Attachment, type Attempted, Parents } from "./attach.ts";
import { BackendTls } from "./backend-tls.ts";
import { Backends, type BackendUse, type BackendUser } from "./backends.ts";
import type { Problem } from "./conditions.ts";
import { problem } from "./conditions.ts";
import { noteConflicts } from "./conflicts.ts";
import { classesOf, type ServedGateway, servedGateways } from "./gateways.ts";
import { Grants } from "./grants.ts";
import { serveIngresses } from "./ingress/ingress.ts";
import type { Filled, PlacedHttpRoute, PlacedStream } from "./places.ts";
import { servePlace } from "./places.ts";
import { Pools } from "./pools.ts";
import { makeRoute, type ReadRoute, readGrpcRoute, readHttpRoute, targetOf } from "./request-routes.ts";
import { Secrets } from "./secrets.ts";
import { placeText, type RouteKindName, type Spot } from "./spots.ts";
import {
  classStatus,
  gatewayStatus,
  ingressStatus,
  listenerSetStatus,
  policyStatus,
  refusedSetStatus,
  routeStatus,
} from "./statuses.ts";
import { ClientCertificates, loadListenerTls } from "./tls.ts";
import type {
  KubeEvent,
  Status,
  Statuses,
  StatusKind,
  TranslateOptions,
  Translation,
} from "./translation.ts";

/** Makes a model of a cluster's objects, and what is to be said of them. */
export async function translate(cluster: Cluster, options: TranslateOptions): Promise<Translation> {
  const regexes = await loadRegexes();
  const secrets = new Secrets(cluster);
  const grants = new Grants(cluster);
  const classes = classesOf(cluster, options);
  const gateways = servedGateways(cluster, options, classes);
  const spots = gateways.filter(({ fault }) => fault === undefined).flatMap((served) => served.spots);
  noteRefusals(spots, options);
  const parts = {
    grants,
    pools: new Pools(options.defaults.pool),
    tls: await BackendTls.of(cluster, secrets),
    certificates: await ClientCertificates.of(gateways, secrets, grants),
  };
  const said = new Said(options.controllerName);
  const ingresses = await serveIngresses(cluster, { ...parts, options, secrets, regexes, tell: said.tell });
  noteConflicts([...spots, ...ingresses.filled.map(({ spot }) => spot)]);
  await loadListenerTls(spots, secrets, grants);
  const filling = new Filling(cluster, gateways, new Backends(cluster, parts), { options, regexes, said });
  filling.requests();
  filling.streams();
  for (const each of classes) said.put("GatewayClass", each, classStatus(each, options));
  for (const served of gateways) {
    const clientCertificate = parts.certificates.problemOf(served.gateway);
    said.put("Gateway", served.gateway, gatewayStatus(served, { clientCertificate }, options));
    for (const set of served.sets) said.put("ListenerSet", set, listenerSetStatus(served, set));
    for (const set of served.refusedSets) said.put("ListenerSet", set, refusedSetStatus(set));
  }
  for (const judged of parts.tls.all)
    if (judged.gateways.size > 0)
      said.put("BackendTLSPolicy", judged.policy, policyStatus(judged, options.controllerName));
  for (const ingress of ingresses.all) said.put("Ingress", ingress, ingressStatus(options));
  const places = filling.places(ingresses.filled);
  return {
    model: {
      listeners: places.map(({ listener }) => listener),
      routeTables: places.flatMap(({ tables }) => tables),
      pools: parts.pools.all,
    },
    statuses: said.statuses,
    events: said.events,
    secretsWanted: secrets.secretsWanted,
    configMapsWanted: secrets.configMapsWanted,
  };
}

/** Listeners that can't be served, whatever the others are. */
function noteRefusals(spots: readonly Spot[], { unavailablePorts }: TranslateOptions): void {
  for (const spot of spots) {
    const unavailable = unavailablePorts.get(spot.place.port);
    if (spot.protocol === undefined)
      spot.refusal = problem("UnsupportedProtocol", `umay has no listeners for ${spot.spec.protocol}`);
    else if (unavailable !== undefined) spot.refusal = problem("PortUnavailable", unavailable);
  }
}

/** What is to be told. */
class Said {
  readonly statuses = new Map<string, Status>();
  readonly events: KubeEvent[] = [];
  readonly controllerName: string;

  constructor(controllerName: string) {
    this.controllerName = controllerName;
  }

  readonly tell = (event: KubeEvent): void => void this.events.push(event);

  put<Kind extends StatusKind>(kind: Kind, { metadata }: AnyObject, status: Statuses[Kind]): void {
    const { namespace, name } = metadata;
    this.statuses.set([kind, namespace, name].filter((part) => part !== undefined).join("/"), {
      kind,
      status,
    } as Status);
  }
}

type AnyObject = Pick<AnyRoute, "metadata">;

interface FillingParts {
  readonly options: TranslateOptions;
  readonly regexes: Regexes;
  readonly said: Said;
}

/** Fills listeners with the routes that are attached to them. */
class Filling {
  readonly #cluster: Cluster;
  readonly #gateways: readonly ServedGateway[];
  readonly #parents: Parents;
  readonly #backends: Backends;
  readonly #parts: FillingParts;
  readonly #routes = new Map<Spot, PlacedHttpRoute[]>();
  readonly #streams = new Map<Spot, PlacedStream[]>();
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
    faults: Parameters<typeof routeStatus>[2],
  ): void {
    const { said } = this.#parts;
    said.put(kind, route, routeStatus(route, attempts, faults, said.controllerName));
  }

  /** What is served at each place. */
  places(others: readonly Filled[]): readonly ReturnType<typeof servePlace>[] {
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
