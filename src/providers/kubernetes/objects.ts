import type { ConfigMap, EndpointSlice, Ingress, IngressClass, Namespace, Secret, Service } from "./core.ts";
import type {
  BackendTlsPolicy,
  Gateway,
  GatewayClass,
  GrpcRoute,
  HttpRoute,
  ListenerSet,
  ReferenceGrant,
  StreamRoute,
} from "./gateway-api.ts";
import type { KubeObject } from "./meta.ts";

/** Objects by `namespace/name`, or by their name alone where the kind has no namespaces. */
export type Objects<Kind extends KubeObject> = ReadonlyMap<string, Kind>;

/**
 * All that umay knows of a cluster. An object that did not change is the same object as before: what was made of it is kept
 * by that.
 */
export interface Cluster {
  readonly gatewayClasses: Objects<GatewayClass>;
  readonly gateways: Objects<Gateway>;
  readonly listenerSets: Objects<ListenerSet>;
  readonly httpRoutes: Objects<HttpRoute>;
  readonly grpcRoutes: Objects<GrpcRoute>;
  readonly tlsRoutes: Objects<StreamRoute>;
  readonly tcpRoutes: Objects<StreamRoute>;
  readonly referenceGrants: Objects<ReferenceGrant>;
  readonly backendTlsPolicies: Objects<BackendTlsPolicy>;
  readonly ingresses: Objects<Ingress>;
  readonly ingressClasses: Objects<IngressClass>;
  readonly services: Objects<Service>;
  readonly endpointSlices: Objects<EndpointSlice>;
  /** Those that {@link Translation} asked for, as far as they are there. */
  readonly secrets: Objects<Secret>;
  readonly configMaps: Objects<ConfigMap>;
  readonly namespaces: Objects<Namespace>;
}
