import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { listen } from "../../src/lib/listen.ts";
import type { Node } from "../../src/providers/envoy/node.ts";
import { type Message, readWire, writeAny, writeWire } from "../../src/providers/envoy/read/wire.ts";
import { messageType } from "../../src/providers/envoy/schema/registry.ts";
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
  readonly message: Node;
}

const requests = { delta: "DeltaDiscoveryRequest", sotw: "DiscoveryRequest" } as const;

/** A control plane that does what a test says: it notes requests, and sends what it is told to. */
export class AdsServer implements AsyncDisposable {
  readonly requests: AdsRequest[] = [];
  readonly #protocol: keyof typeof requests;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  #stream: ServerHttp2Stream | undefined;
  #streams = 0;
  #nonce = 0;
  #woken = Promise.withResolvers<void>();

  private constructor(protocol: keyof typeof requests) {
    this.#protocol = protocol;
    this.#server = createServer();
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
      session.on("error", () => {});
    });
    this.#server.on("stream", (stream) => this.#serve(stream));
  }

  static async start(protocol: keyof typeof requests, port = 0): Promise<AdsServer> {
    const server = new AdsServer(protocol);
    await listen(server.#server, { kind: "tcp", host: "127.0.0.1", port });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many streams there have been. */
  get streams(): number {
    return this.#streams;
  }

  #serve(stream: ServerHttp2Stream): void {
    this.#stream = stream;
    this.#streams++;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("error", () => {});
    let bytes = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
        const end = 5 + bytes.readUInt32BE(1);
        this.#note(bytes.subarray(5, end));
        bytes = bytes.subarray(end);
      }
    });
  }

  #note(bytes: Buffer): void {
    const type = messageType(`envoy.service.discovery.v3.${requests[this.#protocol]}`);
    const message = readWire(type, bytes, [], () => {});
    const names = message.texts(this.#protocol === "delta" ? "resource_names_subscribe" : "resource_names");
    const refusal = message.node("error_detail")?.text("message") ?? "";
    const url = message.text("type_url");
    const nonce = message.text("response_nonce");
    this.requests.push({ type: url.slice(url.lastIndexOf(".") + 1), nonce, names, refusal, message });
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

  /** Sends resources, each with its `@type`. @returns the nonce. */
  send(type: string, resources: readonly Message[], removed: readonly string[] = []): string {
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
    const frame = Buffer.alloc(5 + bytes.length);
    frame.writeUInt32BE(bytes.length, 1);
    frame.set(bytes, 5);
    this.#stream!.write(frame);
    return nonce;
  }

  /** Ends every connection; clients may come again. */
  breakOff(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.breakOff();
    await new Promise((resolve) => this.#server.close(resolve));
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
