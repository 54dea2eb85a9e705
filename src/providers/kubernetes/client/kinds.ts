/** A collection of the API. */
export interface Kind {
  /** `gateway.networking.k8s.io/v1`; `v1` for the core. */
  readonly group: string;
  /** In URLs. */
  readonly plural: string;
  /** In objects. */
  readonly kind: string;
  readonly namespaced: boolean;
  /** Objects that are asked for, where not all are. */
  readonly fieldSelector?: string;
}

const gateway = "gateway.networking.k8s.io/v1";

/** The kinds that umay reads. A cluster that does not have one of them has no objects of it. */
const table = {
  gatewayClasses: { group: gateway, plural: "gatewayclasses", kind: "GatewayClass", namespaced: false },
  gateways: { group: gateway, plural: "gateways", kind: "Gateway", namespaced: true },
  listenerSets: { group: gateway, plural: "listenersets", kind: "ListenerSet", namespaced: true },
  httpRoutes: { group: gateway, plural: "httproutes", kind: "HTTPRoute", namespaced: true },
  grpcRoutes: { group: gateway, plural: "grpcroutes", kind: "GRPCRoute", namespaced: true },
  tlsRoutes: { group: gateway, plural: "tlsroutes", kind: "TLSRoute", namespaced: true },
  tcpRoutes: { group: gateway, plural: "tcproutes", kind: "TCPRoute", namespaced: true },
  referenceGrants: { group: gateway, plural: "referencegrants", kind: "ReferenceGrant", namespaced: true },
  backendTlsPolicies: {
    group: gateway,
    plural: "backendtlspolicies",
    kind: "BackendTLSPolicy",
    namespaced: true,
  },
  ingresses: { group: "networking.k8s.io/v1", plural: "ingresses", kind: "Ingress", namespaced: true },
  ingressClasses: {
    group: "networking.k8s.io/v1",
    plural: "ingressclasses",
    kind: "IngressClass",
    namespaced: false,
  },
  services: { group: "v1", plural: "services", kind: "Service", namespaced: true },
  endpointSlices: {
    group: "discovery.k8s.io/v1",
    plural: "endpointslices",
    kind: "EndpointSlice",
    namespaced: true,
  },
  // Of Helm there may be hundreds, of a mebibyte each.
  secrets: {
    group: "v1",
    plural: "secrets",
    kind: "Secret",
    namespaced: true,
    fieldSelector: "type!=helm.sh/release.v1",
  },
  configMaps: { group: "v1", plural: "configmaps", kind: "ConfigMap", namespaced: true },
  namespaces: { group: "v1", plural: "namespaces", kind: "Namespace", namespaced: false },
} as const satisfies Readonly<Record<string, Kind>>;

export type KindName = keyof typeof table;

export const kinds: Readonly<Record<KindName, Kind>> = table;

/** The path of a collection. @param namespace undefined: of all. */
export function collectionPath({ group, plural }: Kind, namespace: string | undefined): string {
  const root = group === "v1" ? "/api/v1" : `/apis/${group}`;
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
}
