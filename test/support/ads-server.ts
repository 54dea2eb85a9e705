import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from "@grpc/grpc-js";
import type { Node } from "../../src/providers/envoy/node.ts";
import { type Message, readWire, writeAny, writeWire } from "../../src/providers/envoy/read/wire.ts";
import { messageType } from "../../src/providers/envoy/schema/registry.ts";
import { aggregated, methodOf, type Protocol } from "../../src/providers/xds/messages.ts";
import { kindNames } from "../../src/providers/xds/resources.ts";
import { soon } from "./peer.ts";

/** A request of a client, in few words. */
export interface AdsRequest {
  /** The last part of the type's name: `Cluster`. */
  readonly type: string;
  readonly nonce: string;
  /** Names that are subscribed to (of the state of the world: all of them). */
  readonly names: readonly string[];
  /** Why something was refused; empty: nothing was. */
  readonly refusal: string;
  /** The path of the method that it came by. */
  readonly method: string;
  readonly message: Node;
}

const requests = { delta: "DeltaDiscoveryRequest", sotw: "DiscoveryRequest" } as const;

type Call = ServerDuplexStream<Buffer, Buffer>;

/**
 * A control plane that does what a test says: it notes requests, and sends what it is told to. It speaks gRPC by grpc-js, which
 * has nothing in common with umay's own.
 */
export class AdsServer implements AsyncDisposable {
  readonly requests: AdsRequest[] = [];
  readonly #protocol: Protocol;
  readonly #server = new Server({ "grpc.max_receive_message_length": -1 });
  #port = 0;
  /** The newest call of each method. */
  readonly #calls = new Map<string, Call>();
  #streams = 0;
  #nonce = 0;
  #woken = Promise.withResolvers<void>();

  private constructor(protocol: Protocol) {
    this.#protocol = protocol;
    const methods = [aggregated(protocol), ...kindNames.map((kind) => methodOf(kind, protocol))];
    const same = (bytes: Buffer): Buffer => bytes;
    const codec = {
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    const service: ServiceDefinition = Object.fromEntries(
      methods.map((path) => [path, { path, requestStream: true, responseStream: true, ...codec }]),
    );
    this.#server.addService(
      service,
      Object.fromEntries(methods.map((path) => [path, (call: Call) => this.#serve(path, call)])),
    );
  }

  /** @param address to listen on; a port of 0 is chosen. */
  static async start(
    protocol: Protocol,
    port = 0,
    { address = `127.0.0.1:${port}`, credentials = ServerCredentials.createInsecure() } = {},
  ): Promise<AdsServer> {
    const server = new AdsServer(protocol);
    server.#port = await new Promise<number>((resolve, reject) => {
      server.#server.bindAsync(address, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** How many streams there have been. */
  get streams(): number {
    return this.#streams;
  }

  #serve(method: string, call: Call): void {
    this.#calls.set(method, call);
    this.#streams++;
    call.on("error", () => {});
    call.on("data", (bytes: Buffer) => this.#note(method, bytes));
    call.on("end", () => call.end());
  }

  #note(method: string, bytes: Buffer): void {
    const type = messageType(`envoy.service.discovery.v3.${requests[this.#protocol]}`);
    const message = readWire(type, bytes, [], () => {});
    const names = message.texts(this.#protocol === "delta" ? "resource_names_subscribe" : "resource_names");
    const refusal = message.node("error_detail")?.text("message") ?? "";
    const url = message.text("type_url");
    const nonce = message.text("response_nonce");
    const noted = { type: url.slice(url.lastIndexOf(".") + 1), nonce, names, refusal, method, message };
    this.requests.push(noted);
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  /** The first request, old or to come, for which the predicate holds. */
  async request(predicate: (request: AdsRequest) => boolean): Promise<AdsRequest> {
    for (;;) {
      const found = this.requests.find(predicate);
      if (found !== undefined) return found;
      await soon(this.#woken.promise, "a request of the client");
    }
  }

  /** Sends resources, each with its `@type`. @param method of the stream that takes them. @returns the nonce. */
  send(
    type: string,
    resources: readonly Message[],
    removed: readonly string[] = [],
    method = aggregated(this.#protocol),
  ): string {
    const nonce = String(++this.#nonce);
    const type_url = `type.googleapis.com/${type}`;
    const name = (resource: Message): string => String(resource["name"] ?? resource["cluster_name"]);
    const message =
      this.#protocol === "delta"
        ? {
            type_url,
            nonce,
            removed_resources: removed,
            resources: resources.map((each) => ({
              name: name(each),
              version: nonce,
              resource: writeAny(each),
            })),
          }
        : { version_info: nonce, type_url, nonce, resources: resources.map(writeAny) };
    const response = this.#protocol === "delta" ? "DeltaDiscoveryResponse" : "DiscoveryResponse";
    const bytes = writeWire(messageType(`envoy.service.discovery.v3.${response}`), message);
    this.#calls.get(method)!.write(Buffer.from(bytes));
    return nonce;
  }

  /** Ends every connection; clients may come again. */
  breakOff(): void {
    this.#server.drain(`127.0.0.1:${this.#port}`, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

const address = (port: number): Message => ({ socket_address: { address: "127.0.0.1", port_value: port } });

/** A cluster whose endpoints come from the control plane. */
export const edsCluster = (name: string, more: Message = {}): Message => ({
  "@type": "envoy.config.cluster.v3.Cluster",
  name,
  type: "EDS",
  eds_cluster_config: { eds_config: { ads: {} } },
  ...more,
});

export const endpoints = (cluster: string, ...ports: readonly number[]): Message => ({
  "@type": "envoy.config.endpoint.v3.ClusterLoadAssignment",
  cluster_name: cluster,
  endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: address(port) } })) }],
});

/** A listener that relays to a cluster. */
export const tcpListener = (name: string, port: number, cluster: string): Message => ({
  "@type": "envoy.config.listener.v3.Listener",
  name,
  address: address(port),
  filter_chains: [
    {
      filters: [
        {
          typed_config: { "@type": "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", cluster },
        },
      ],
    },
  ],
});

/** A certificate with its key, as a secret. @public */
export const secret = (name: string, cert: string, key: string): Message => ({
  "@type": "envoy.extensions.transport_sockets.tls.v3.Secret",
  name,
  tls_certificate: { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } },
});

/** A listener whose clients speak TLS, with a certificate that is a secret of the control plane. @public */
export function withSecret(listener: Message, name: string): Message {
  const chains = listener["filter_chains"] as readonly Message[];
  const typed_config = {
    "@type": "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    common_tls_context: { tls_certificate_sds_secret_configs: [{ name, sds_config: { ads: {} } }] },
  };
  return {
    ...listener,
    filter_chains: chains.map((chain) => ({ ...chain, transport_socket: { name: "tls", typed_config } })),
  };
}

/** A listener that speaks HTTP, with routes from the control plane. */
export const httpListener = (name: string, port: number, routes: string): Message => ({
  "@type": "envoy.config.listener.v3.Listener",
  name,
  address: address(port),
  filter_chains: [
    {
      filters: [
        {
          typed_config: {
            "@type": "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            rds: { route_config_name: routes, config_source: { ads: {} } },
          },
        },
      ],
    },
  ],
});

/** Routes that answer every request with a status. */
export const answeringRoutes = (name: string, status: number): Message => ({
  "@type": "envoy.config.route.v3.RouteConfiguration",
  name,
  virtual_hosts: [
    { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status } }] },
  ],
});

/** Routes that lead to a cluster. */
export const routesTo = (name: string, cluster: string): Message => ({
  "@type": "envoy.config.route.v3.RouteConfiguration",
  name,
  virtual_hosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster } }] }],
});

/** A bootstrap file that names this control plane. */
export const adsBootstrap = (port: number, protocol: keyof typeof requests, admin = ""): string => `
node: { id: umay-1, cluster: edge, metadata: { zone: a, weights: [1, true] } }
${admin}
dynamic_resources:
  ads_config:
    api_type: ${protocol === "delta" ? "DELTA_GRPC" : "GRPC"}
    transport_api_version: V3
    grpc_services: [{ envoy_grpc: { cluster_name: xds } }]
  cds_config: { ads: {}, resource_api_version: V3 }
  lds_config: { ads: {}, resource_api_version: V3 }
static_resources:
  clusters:
  - name: xds
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }] }
`;
