import type { ParentReference, RouteSpec } from "../gateway-api.ts";
import type { KubeObject } from "../meta.ts";
import type { Cluster } from "../objects.ts";
import { type Problem, problem } from "./conditions.ts";
import type { ServedGateway } from "./gateways.ts";
import { hostsAt } from "./hosts.ts";
import { isAllowed } from "./selector.ts";
import type { RouteKindName, Spot } from "./spots.ts";

/** A route of any kind. */
export interface AnyRoute extends KubeObject {
  readonly spec: RouteSpec;
}

/** A listener that a route is attached to, with the hosts that it has there. */
export interface Attachment {
  readonly spot: Spot;
  readonly hosts: readonly string[];
}

/** The outcome for one of a route's parents. */
export interface Attempted {
  readonly parent: ParentReference;
  /** The Gateway that it leads to. */
  readonly served: ServedGateway;
  /** Why it is attached nowhere there; undefined: it is. */
  readonly refusal: Problem | undefined;
  readonly attachments: readonly Attachment[];
}

/** The listeners that routes may name as their parents. */
export class Parents {
  readonly #byKey = new Map<string, { readonly served: ServedGateway; readonly spots: readonly Spot[] }>();
  readonly #cluster: Pick<Cluster, "namespaces">;

  constructor(gateways: readonly ServedGateway[], cluster: Pick<Cluster, "namespaces">) {
    this.#cluster = cluster;
    for (const served of gateways)
      for (const [object, spots] of Map.groupBy(served.spots, ({ owner }) => owner.object)) {
        const [{ owner }] = spots as [Spot, ...Spot[]];
        this.#byKey.set(`${owner.kind}/${object.metadata.namespace}/${object.metadata.name}`, {
          served,
          spots,
        });
      }
  }

  /** Attaches a route to the parents that are umay's. Parents of others are left out. */
  attach(kind: RouteKindName, route: AnyRoute): readonly Attempted[] {
    return (route.spec.parentRefs ?? []).flatMap((parent) => this.#attempt(kind, route, parent) ?? []);
  }

  #attempt(kind: RouteKindName, route: AnyRoute, parent: ParentReference): Attempted | undefined {
    const own = route.metadata.namespace ?? "";
    const { group = gatewayGroup, kind: parentKind = "Gateway", namespace = own, name } = parent;
    const found = group === gatewayGroup ? this.#byKey.get(`${parentKind}/${namespace}/${name}`) : undefined;
    if (found === undefined) return undefined;
    const { served } = found;
    const refused = (reason: string, message: string): Attempted => ({
      parent,
      served,
      refusal: problem(reason, message),
      attachments: [],
    });
    const named = found.spots.filter(
      ({ spec }) =>
        (parent.sectionName === undefined || spec.name === parent.sectionName) &&
        (parent.port === undefined || spec.port === parent.port),
    );
    if (named.length === 0)
      return refused("NoMatchingParent", `${parentKind} ${namespace}/${name} has no such listener`);
    const open = named.filter((spot) => this.#lets(spot, kind, own));
    if (open.length === 0)
      return refused(
        "NotAllowedByListeners",
        `no listener of ${parentKind} ${namespace}/${name} takes ${kind}s of namespace ${own}`,
      );
    const attachments = open
      .map((spot) => ({ spot, hosts: hostsAt(spot.hostname, namesOf(kind, route)) }))
      .filter(({ hosts }) => hosts.length > 0);
    if (attachments.length === 0)
      return refused(
        "NoMatchingListenerHostname",
        `no listener of ${parentKind} ${namespace}/${name} has one of the route's hostnames`,
      );
    return { parent, served, refusal: undefined, attachments };
  }

  #lets({ kinds, spec, namespace }: Spot, kind: RouteKindName, from: string): boolean {
    return (
      kinds.includes(kind) &&
      isAllowed(spec.allowedRoutes?.namespaces ?? {}, namespace, from, this.#cluster.namespaces)
    );
  }
}

const gatewayGroup = "gateway.networking.k8s.io";

const namesOf = (kind: RouteKindName, { spec }: AnyRoute): readonly string[] =>
  kind === "TCPRoute" ? [] : (spec.hostnames ?? []);
