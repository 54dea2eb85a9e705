import { parseAllDocuments } from "yaml";
import { Chains, isChain } from "../../../src/data/decide/chains.ts";
import { type Decision, decide } from "../../../src/data/decide/http/decide.ts";
import { indexTable, Routing } from "../../../src/data/decide/http/routing.ts";
import { isMisdirected } from "../../../src/data/decide/misdirected.ts";
import * as compiler from "../../../src/data/serve/http/trial.ts";
import type { Chain } from "../../../src/model/chain.ts";
import { httpRefusals } from "../../../src/model/http/refusals.ts";
import type { Listener } from "../../../src/model/listener.ts";
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
import { requestOf } from "../../data/decide/http/scene.ts";

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

/** An object of a test. */
export type SceneObject = KubeObject & { readonly kind: string };

/** A cluster of the objects in YAML. */
export const clusterOf = (yaml: string): Cluster =>
  clusterFrom(parseAllDocuments(yaml).flatMap((document) => (document.toJS() as SceneObject | null) ?? []));

/** A cluster of objects; without a namespace they are in `default`, but for kinds that have none. */
export function clusterFrom(objects: readonly SceneObject[]): Cluster {
  const cluster = Object.fromEntries(Object.values(kinds).map((name) => [name, new Map()]));
  for (const object of objects) {
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
    compiler,
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

/** A request to one of the served ports. */
export interface Asked {
  readonly port?: number;
  readonly address?: string;
  /** Over TLS with this server name; undefined: without TLS. */
  readonly sni?: string;
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The fate of a request, in a few words: `shop/0 -> default/shop:80`, `404 no_route`, `308 https://…`, `refused`. */
export async function asked(translation: Translation, request: Asked): Promise<string> {
  const { host, path = "/", method = "GET", headers = {}, sni, address = "0.0.0.0" } = request;
  const { port = sni === undefined ? 80 : 443 } = request;
  const listener = translation.model.listeners.find(
    ({ bind }) => bind.kind === "tcp" && bind.port === port && bind.host === address,
  );
  if (listener === undefined) return "no listener";
  const chain = chainFor(listener, sni);
  if (chain === undefined || chain.serve.kind === "refuse") return "refused";
  if (chain.serve.kind === "relay")
    return `${chain.tls ?? "relayed"} -> ${chain.serve.to.map(({ pool }) => pool).join(", ")}`;
  const { serve } = chain;
  const table = translation.model.routeTables.find(({ name }) => name === serve.routes);
  if (table === undefined) throw new Error(`no table ${serve.routes}`);
  const url = new URL(path, "http://x");
  const decision = decide(
    new Routing(serve, await indexTable(table)),
    requestOf(url.pathname, {
      host,
      authority: host,
      scheme: sni === undefined ? "http" : "https",
      method,
      query: url.search,
      header: (name) => headers[name],
      queryValue: (name) => url.searchParams.get(name) ?? undefined,
      isMisdirected:
        sni !== undefined &&
        isMisdirected(
          { chains: new Chains(listener.chains), terminationOf: () => ({ coversApart: () => false }) },
          { settings: chain.settings!, serverName: sni, alpn: "" },
          peer,
          host,
        ),
    }),
  );
  return outcomeOf(decision);
}

const peer = { client: "198.51.100.1", port: 0 };

function chainFor(listener: Listener, sni: string | undefined): Chain | undefined {
  const chains = new Chains(listener.chains);
  const course =
    sni === undefined
      ? chains.atHello("http1", undefined, peer)
      : chains.atHello("tls", { serverName: sni, alpn: [] }, peer);
  if (typeof course === "string" || course === undefined) return undefined;
  return isChain(course) ? course : chains.afterHandshake(course.settings, sni!, "", peer);
}

function outcomeOf(decision: Decision): string {
  switch (decision.kind) {
    case "refuse":
      return `${httpRefusals[decision.reason].status} ${decision.reason}`;
    case "redirect": {
      const { action } = decision.rule.route.definition;
      return `${action.kind === "redirect" ? action.redirect.status : 0} ${decision.location}`;
    }
    case "forward": {
      const { action, name } = decision.rule.route.definition;
      const pools = action.kind === "pools" ? action.to : [];
      const to = pools.map(({ pool, weight }) => (pools.length === 1 ? pool : `${pool} (${weight})`));
      return `${name} -> ${to.join(", ")}${decision.path === "/" ? "" : ` ${decision.path}`}`;
    }
    default:
      return decision.kind;
  }
}
