import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../../src/providers/kubernetes/meta.ts";
import { keyOf } from "../../../src/providers/kubernetes/meta.ts";
import type { Cluster } from "../../../src/providers/kubernetes/objects.ts";
import { translate } from "../../../src/providers/kubernetes/translate/translate.ts";
import type {
  Statuses,
  TranslateOptions,
  Translation,
} from "../../../src/providers/kubernetes/translate/translation.ts";
import { type Defaults, readDefaults } from "../../../src/providers/toml/defaults.ts";

const kinds: Readonly<Record<string, keyof Cluster>> = {
  GatewayClass: "gatewayClasses",
  Gateway: "gateways",
  ListenerSet: "listenerSets",
  HTTPRoute: "httpRoutes",
  GRPCRoute: "grpcRoutes",
  TLSRoute: "tlsRoutes",
  TCPRoute: "tcpRoutes",
  ReferenceGrant: "referenceGrants",
  BackendTLSPolicy: "backendTlsPolicies",
  Ingress: "ingresses",
  IngressClass: "ingressClasses",
  Service: "services",
  EndpointSlice: "endpointSlices",
  Secret: "secrets",
  ConfigMap: "configMaps",
  Namespace: "namespaces",
};

/** A cluster of the objects in YAML; without a namespace they are in `default`, but for kinds that have none. */
export function clusterOf(yaml: string): Cluster {
  const cluster = Object.fromEntries(Object.values(kinds).map((name) => [name, new Map()]));
  for (const document of parseAllDocuments(yaml)) {
    const object = document.toJS() as (KubeObject & { kind: string }) | null;
    if (object === null) continue;
    const kind = kinds[object.kind];
    if (kind === undefined) throw new Error(`no kind ${object.kind}`);
    const bare = ["GatewayClass", "IngressClass", "Namespace"].includes(object.kind);
    const metadata = { generation: 1, ...(!bare && { namespace: "default" }), ...object.metadata };
    const whole = { ...object, metadata };
    cluster[kind]!.set(keyOf(whole), whole);
  }
  return cluster as unknown as Cluster;
}

let defaults: Promise<Defaults> | undefined;

export async function optionsWith(change: Partial<TranslateOptions> = {}): Promise<TranslateOptions> {
  defaults ??= readDefaults({}, false);
  return {
    controllerName: "umay.dev/gateway-controller",
    ingressController: "umay.dev/ingress-controller",
    ingressClass: "umay",
    nginxAnnotations: false,
    ingressPorts: { http: 80, https: 443 },
    host: "0.0.0.0",
    addresses: [{ type: "IPAddress", value: "192.0.2.1" }],
    addressPool: [],
    unavailablePorts: new Map(),
    defaults: await defaults,
    ...change,
  };
}

export async function translated(yaml: string, change: Partial<TranslateOptions> = {}): Promise<Translation> {
  return translate(clusterOf(yaml), await optionsWith(change));
}

/** The status of an object that has to have one. @param key `namespace/name`. */
export function statusOf<Kind extends keyof Statuses>(
  { statuses }: Translation,
  kind: Kind,
  key: string,
): Statuses[Kind] {
  const found = statuses.get(`${kind}/${key}`);
  if (found === undefined) throw new Error(`no status of ${kind} ${key}; there are ${[...statuses.keys()]}`);
  return found.status as Statuses[Kind];
}

/** Conditions as `Accepted=True/Accepted`. */
export const told = (conditions: readonly { type: string; status: string; reason: string }[]): string[] =>
  conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);

/** A class with a Gateway `web` that has one listener for HTTP on port 80. */
export const oneGateway = `
kind: GatewayClass
metadata: { name: umay }
spec: { controllerName: umay.dev/gateway-controller }
---
kind: Gateway
metadata: { name: web }
spec:
  gatewayClassName: umay
  listeners: [{ name: http, port: 80, protocol: HTTP }]
---
`;

/** A Service on port 80 with endpoints on port 8080. */
export const service = (name: string, addresses: readonly string[], more = ""): string => `
kind: Service
metadata: { name: ${name} }
spec: { ports: [{ port: 80 ${more} }] }
---
kind: EndpointSlice
metadata: { name: ${name}-1, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [${addresses.map((address) => `{ addresses: [${address}] }`).join(", ")}]
---
`;
