import type { KindName } from "../client/kinds.ts";
import { kinds } from "../client/kinds.ts";
import type { ConfigMap, Secret, Service } from "../core.ts";
import type { BackendTlsPolicy, Gateway, GatewayClass, ListenerSet, ReferenceGrant } from "../gateway-api.ts";
import type { KubeObject } from "../meta.ts";
import type { Cluster } from "../objects.ts";
import { targetsOf } from "./backend-tls.ts";
import { askedOf } from "./conflicts.ts";
import { parentOf, requested } from "./gateways.ts";
import { notServed, type Said } from "./said.ts";
import { Spot } from "./spots.ts";

/*
 * The API server checks objects by the definitions that it has, and those may be of another version than umay knows. An
 * object that umay can't read is told and left out for itself: others, which stand beside it, are served. Routes and Ingresses
 * are looked at where they are translated.
 */

/** Each reads all that the translation relies on in one object. They throw what it would. */
const readers: Partial<Record<KindName, (object: never) => unknown>> = {
  gatewayClasses: ({ spec }: GatewayClass) => spec.controllerName,
  gateways: (gateway: Gateway) => [
    requested(gateway),
    gateway.spec.listeners.map((spec) =>
      spotRead(new Spot(gateway, { kind: "Gateway", object: gateway }, spec, "")),
    ),
  ],
  listenerSets: (object: ListenerSet) => [
    parentOf(object),
    object.spec.listeners.map((spec) =>
      spotRead(new Spot(nobody, { kind: "ListenerSet", object }, spec, "")),
    ),
  ],
  referenceGrants: ({ spec }: ReferenceGrant) => [
    spec.from.map(({ namespace }) => namespace),
    spec.to.map(({ kind }) => kind),
  ],
  // The rest is read where it is judged: backends of one that is wrong are not asked without TLS.
  backendTlsPolicies: (policy: BackendTlsPolicy) => targetsOf(policy),
  services: ({ spec }: Service) => spec?.ports?.map(({ port }) => port),
  secrets: ({ data = {} }: Secret) => textsIn(data),
  configMaps: ({ data = {} }: ConfigMap) => textsIn(data),
};

const nobody: Gateway = { metadata: { name: "" }, spec: { gatewayClassName: "", listeners: [] } };

const spotRead = (spot: Spot): unknown => [
  askedOf(spot),
  spot.spec.allowedRoutes?.namespaces?.from,
  (spot.spec.tls?.certificateRefs ?? []).map(({ name }) => name),
];

const textsIn = (data: Readonly<Record<string, string>>): unknown =>
  Object.values(data).map((text) => text.charCodeAt(0));

/** Objects that were read without a fault: each state of one is read once. */
const read = new WeakSet<KubeObject>();

/** The cluster as it is now, however it changes later, without the objects that umay can't read. */
export function soundCluster(cluster: Cluster, { tell }: Pick<Said, "tell">): Cluster {
  const sound = Object.entries(cluster).map(([name, objects]: [string, ReadonlyMap<string, KubeObject>]) => {
    const reader = readers[name as KindName] as ((object: KubeObject) => unknown) | undefined;
    const own = new Map(objects);
    for (const [key, object] of reader === undefined ? [] : own)
      if (!read.has(object))
        try {
          reader!(object);
          read.add(object);
        } catch (error) {
          own.delete(key);
          tell(notServed(kinds[name as KindName].kind, object, (error as Error).message));
        }
    return [name, own];
  });
  return Object.fromEntries(sound) as Cluster;
}
