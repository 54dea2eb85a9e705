import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createHttpsServer, request as sendSecure } from "node:https";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectSecure, type TLSSocket } from "node:tls";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import type { CertificatePair, TestCertificates } from "./certificates.ts";
import { issueClient } from "./client-certificates.ts";
import { cluster, httpFilter, typed } from "./envoy.ts";
import type { Outcome } from "./envoy-corpus.ts";

/*
 * Connections as umay and Envoy treat them: filter chains, certificates on both sides, and relays.
 */

/** Something that is asked of a listener. */
export interface Probe {
  readonly name: string;
  readonly listener: string;
  ask(port: number): Promise<Outcome>;
}

/** Certificates of clients: good, and of an authority that nobody trusts. */
interface Clients {
  readonly good: CertificatePair;
  readonly other: CertificatePair;
  readonly stranger: CertificatePair;
}

/** Backends: three that greet, one that repeats what it gets, one that tells of requests, and one that does so over TLS. */
export class TransportWorld implements AsyncDisposable {
  readonly #servers: { close(done: () => void): void; closeAllConnections?(): void }[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #ports = new Map<string, number>();
  readonly #certificates: TestCertificates;
  readonly #clients: Clients;
  /** The authority of {@link Clients}. */
  readonly #authority: string;

  private constructor(certificates: TestCertificates, clients: Clients, authority: string) {
    this.#certificates = certificates;
    this.#clients = clients;
    this.#authority = authority;
  }

  /** @param dir for its files. */
  static async start(dir: string, certificates: TestCertificates): Promise<TransportWorld> {
    const notAfter = new Date(Date.now() + 86_400_000);
    const [issuer, nobody] = [
      await createCertificate({ commonName: "clients", notAfter }),
      await createCertificate({ commonName: "nobody", notAfter }),
    ];
    const uri = (value: string) => [
      { type: "url" as const, value },
      { type: "dns" as const, value: "client.test" },
    ];
    const clients = {
      good: await issueClient(dir, "good", issuer, {
        subject: "CN=good,O=Acme",
        names: uri("spiffe://test/good"),
      }),
      other: await issueClient(dir, "other", issuer, {
        subject: "CN=other",
        names: uri("spiffe://test/other"),
      }),
      stranger: await issueClient(dir, "stranger", nobody, {
        subject: "CN=good",
        names: uri("spiffe://test/good"),
      }),
    };
    const world = new TransportWorld(certificates, clients, issuer.cert);
    for (const name of ["one", "two", "three"])
      await world.#listen(
        name,
        createServer((socket) => socket.end(name)),
      );
    await world.#listen(
      "echo",
      createServer((socket) => {
        let said = "";
        socket.on("data", (bytes) => {
          said += bytes.toString("latin1");
          if (said.endsWith("hello")) socket.end(`got ${said}`);
        });
      }),
    );
    const tell = (asked: IncomingMessage, more: object = {}): string => {
      const { [xfcc]: certificate } = asked.headers;
      return JSON.stringify({ path: asked.url, certificate, ...more });
    };
    await world.#listen(
      "web",
      createHttpServer((asked, answer) => answer.end(tell(asked))),
    );
    await world.#listen(
      "secure",
      createHttpsServer(
        {
          cert: readFileSync(certificates.ecdsa.cert),
          key: readFileSync(certificates.ecdsa.key),
          ca: issuer.cert,
          requestCert: true,
          rejectUnauthorized: false,
        },
        (asked, answer) => {
          const { servername, authorized } = asked.socket as TLSSocket & { servername?: string | false };
          const subject = (asked.socket as TLSSocket).getPeerCertificate().subject as
            | { CN?: string }
            | undefined;
          answer.end(tell(asked, { sni: servername || "", client: authorized ? subject?.CN : undefined }));
        },
      ),
    );
    return world;
  }

  async #listen(name: string, server: ReturnType<typeof createServer>): Promise<void> {
    server.on("connection", (socket: Socket) => {
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      this.#sockets.add(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#ports.set(name, (server.address() as AddressInfo).port);
    this.#servers.push(server);
  }

  /** The listeners by name, without their addresses. */
  get #listeners(): Readonly<Record<string, object>> {
    const { ecdsa, otherName } = this.#certificates;
    const mutual = { require_client_certificate: true };
    const trust = { trusted_ca: { inline_string: this.#authority } };
    const modes = ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"];
    const forwarding = (mode: string): object => ({
      forward_client_cert_details: mode,
      set_current_client_cert_details: { subject: true, uri: true, dns: true },
    });
    return {
      chains: {
        listener_filters: [inspector],
        filter_chains: [
          chain(relay("one"), { server_names: ["localhost"] }, secured(ecdsa)),
          chain(relay("two"), { server_names: ["*.other.test"] }, secured(otherName)),
          chain(
            relay("three"),
            { server_names: ["other.test"], application_protocols: ["h2"] },
            secured(otherName, {}, ["h2"]),
          ),
          chain(relay("echo"), { transport_protocol: "raw_buffer" }),
        ],
        default_filter_chain: chain(relay("three"), undefined, secured(ecdsa)),
      },
      ranges: {
        filter_chains: [
          chain(relay("two"), { source_prefix_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }] }),
          chain(relay("one"), { source_prefix_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] }),
        ],
      },
      "ranges of its own": {
        filter_chains: [
          chain(relay("two"), { prefix_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] }),
          chain(relay("three"), {
            prefix_ranges: [{ address_prefix: "127.0.0.1", prefix_len: 32 }],
            source_ports: [1],
          }),
        ],
        default_filter_chain: chain(relay("one")),
      },
      "whoever is connected": {
        filter_chains: [
          chain(relay("two"), {
            direct_source_prefix_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }],
          }),
          chain(relay("one")),
        ],
      },
      "this machine": {
        filter_chains: [
          chain(relay("two"), { source_type: "EXTERNAL" }),
          chain(relay("three"), { source_type: "SAME_IP_OR_LOOPBACK" }),
          chain(relay("one")),
        ],
      },
      "this machine by its range": {
        filter_chains: [
          chain(relay("two"), {
            source_type: "SAME_IP_OR_LOOPBACK",
            source_prefix_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }],
          }),
          chain(relay("three")),
        ],
        default_filter_chain: chain(relay("one")),
      },
      alpn: { filter_chains: [chain(web("web"), undefined, secured(ecdsa, {}, ["h2", "http/1.1"]))] },
      ...Object.fromEntries(
        modes.map((mode) => [
          `xfcc ${mode}`,
          {
            filter_chains: [
              chain(
                web("web", forwarding(mode)),
                undefined,
                secured(ecdsa, { ...mutual, validation: trust }),
              ),
            ],
          },
        ]),
      ),
      optional: {
        filter_chains: [
          chain(web("web", forwarding("SANITIZE_SET")), undefined, secured(ecdsa, { validation: trust })),
        ],
      },
      names: {
        filter_chains: [
          chain(
            relay("one"),
            undefined,
            secured(ecdsa, {
              ...mutual,
              validation: {
                ...trust,
                match_typed_subject_alt_names: [
                  { san_type: "URI", matcher: { exact: "spiffe://test/good" } },
                ],
              },
            }),
          ),
        ],
      },
      weighted: {
        filter_chains: [
          chain([
            tcp({
              weighted_clusters: {
                clusters: [
                  { name: "one", weight: 1 },
                  { name: "two", weight: 1 },
                ],
              },
            }),
          ]),
        ],
      },
      denied: { filter_chains: [chain([connectionRules("DENY"), ...relay("echo")])] },
      allowed: { filter_chains: [chain([connectionRules("ALLOW"), ...relay("echo")])] },
      introduced: {
        listener_filters: [
          {
            name: "proxy",
            typed_config: typed("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"),
          },
        ],
        filter_chains: [chain(relay("passes on"))],
      },
      backends: { filter_chains: [chain(web("web", {}, upstreams))] },
      labelled: { filter_chains: [chain(web("by label", {}, labelled))] },
      "labelled relay": {
        filter_chains: [chain([tcp({ cluster: "by label", metadata_match: lb({ part: "header" }) })])],
      },
    };
  }

  get names(): readonly string[] {
    return Object.keys(this.#listeners);
  }

  /** @param ports of the listeners, in the order of {@link names}, and of the admin server. */
  file(ports: readonly number[]): string {
    const address = (port: number): object => ({
      socket_address: { address: "127.0.0.1", port_value: port },
    });
    const listeners = Object.entries(this.#listeners).map(([name, listener], index) => ({
      name,
      address: address(ports[index]!),
      ...listener,
    }));
    return JSON.stringify({
      admin: { address: address(ports[listeners.length]!) },
      static_resources: { listeners, clusters: this.#clusters },
    });
  }

  get #clusters(): readonly object[] {
    const own = readFileSync(this.#certificates.ca, "utf8");
    const { good } = this.#clients;
    const san = (value: string): object => ({ san_type: "DNS", matcher: { exact: value } });
    const secure = (name: string, context: object, tls: object): object =>
      this.#cluster(name, "secure", {
        transport_socket: {
          name: "tls",
          typed_config: typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
            common_tls_context: {
              validation_context: { trusted_ca: { inline_string: own }, ...context },
              ...tls,
            },
          }),
        },
      });
    const withName = (of: object, sni: string): object => {
      const { transport_socket: socket, ...rest } = of as { transport_socket: { typed_config: object } };
      return { ...rest, transport_socket: { ...socket, typed_config: { ...socket.typed_config, sni } } };
    };
    const raw = {
      name: "raw",
      typed_config: typed("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"),
    };
    const proxied = {
      name: "proxy",
      typed_config: typed(
        "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
        { config: { version: "V1" }, transport_socket: raw },
      ),
    };
    const shows = withName(
      secure(
        "shows",
        { match_typed_subject_alt_names: [san("localhost")] },
        { tls_certificates: [material(good)] },
      ),
      "localhost",
    );
    return [
      ...["one", "two", "three", "echo", "web"].map((name) => this.#cluster(name, name)),
      withName(secure("matches", { match_typed_subject_alt_names: [san("localhost")] }, {}), "localhost"),
      withName(
        secure("mismatches", { match_typed_subject_alt_names: [san("elsewhere.test")] }, {}),
        "localhost",
      ),
      withName(secure("distrusts", { trusted_ca: { inline_string: this.#authority } }, {}), "localhost"),
      shows,
      this.#cluster("passes on", "echo", { transport_socket: proxied }),
      this.#byLabel((shows as { transport_socket: object }).transport_socket, proxied, raw),
    ];
  }

  /** A cluster whose endpoints are connected in several ways. */
  #byLabel(secure: object, proxied: object, raw: object): object {
    const endpoint = (backend: string, part: string, labels?: object): object => ({
      endpoint: {
        address: { socket_address: { address: "127.0.0.1", port_value: this.#ports.get(backend) } },
      },
      metadata: {
        filter_metadata: { "envoy.lb": { part }, ...(labels && { [ofTransport]: labels }) },
      },
    });
    return {
      name: "by label",
      lb_subset_config: { subset_selectors: [{ keys: ["part"] }] },
      transport_socket_matches: [
        { name: "secure", match: { mode: "secure" }, transport_socket: secure },
        { name: "header", match: { mode: "header", version: 1 }, transport_socket: proxied },
        { name: "plain", match: {}, transport_socket: raw },
      ],
      load_assignment: {
        cluster_name: "by label",
        endpoints: [
          {
            lb_endpoints: [
              endpoint("secure", "secure", { mode: "secure", more: true }),
              endpoint("echo", "header", { version: 1, mode: "header" }),
            ],
          },
          {
            // An endpoint's own labels come first, and the match without labels fits all.
            locality: { zone: "near" },
            metadata: { filter_metadata: { [ofTransport]: { mode: "secure" } } },
            lb_endpoints: [endpoint("web", "plain", { mode: "header" })],
          },
        ],
      },
    };
  }

  #cluster(name: string, backend: string, more: object = {}): object {
    const { load_assignment: assignment, ...rest } = cluster(name, this.#ports.get(backend)!, more) as {
      load_assignment: object;
    };
    return { ...rest, load_assignment: { cluster_name: name, ...assignment } };
  }

  /** Everything that is asked. */
  get probes(): readonly Probe[] {
    const { good, other, stranger } = this.#clients;
    const tls = (listener: string, name: string, options: TlsQuestion): Probe => ({
      name: `${listener}: ${name}`,
      listener,
      ask: (port) => askTls(port, options),
    });
    const plain = (listener: string, name: string, text: string, times = 1): Probe => ({
      name: `${listener}: ${name}`,
      listener,
      ask: async (port) => ({
        said: [...new Set(await Promise.all(Array.from({ length: times }, () => talk(port, text))))].sort(),
      }),
    });
    const web = (listener: string, name: string, path: string, secure?: CertificatePair | "none"): Probe => ({
      name: `${listener}: ${name}`,
      listener,
      ask: (port) => askWeb(port, path, secure),
    });
    const certified = this.names.filter((name) => name.startsWith("xfcc"));
    return [
      tls("chains", "localhost", { servername: "localhost" }),
      tls("chains", "a name below", { servername: "a.other.test" }),
      tls("chains", "a name and a protocol", { servername: "other.test", ALPNProtocols: ["h2"] }),
      tls("chains", "a name without the protocol", { servername: "other.test" }),
      tls("chains", "another name", { servername: "nowhere.test" }),
      tls("chains", "no name", {}),
      plain("chains", "no TLS", "hello"),
      plain("ranges", "by addresses", ""),
      plain("ranges of its own", "the narrowest range has no chain for such a port", ""),
      plain("whoever is connected", "by addresses", ""),
      plain("this machine", "by a loopback address", ""),
      plain("this machine by its range", "no chain for such an address", ""),
      tls("alpn", "HTTP/2 before HTTP/1.1", { ALPNProtocols: ["http/1.1", "h2"] }),
      tls("alpn", "HTTP/1.1 alone", { ALPNProtocols: ["http/1.1"] }),
      ...certified.flatMap((listener) => [
        web(listener, "a good certificate", "/", good),
        web(listener, "no certificate", "/", "none"),
        web(listener, "a stranger's certificate", "/", stranger),
      ]),
      web("optional", "a good certificate", "/", good),
      web("optional", "no certificate", "/", "none"),
      tls("names", "the right name", { ...read(good) }),
      tls("names", "another name", { ...read(other) }),
      plain("weighted", "both get some", "", 40),
      plain("denied", "by its address", "hello"),
      plain("allowed", "by its address", "hello"),
      plain("introduced", "a client behind a proxy", "PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\nhello"),
      plain("introduced", "no header", "hello"),
      ...["matches", "mismatches", "distrusts", "shows"].map((name) => web("backends", name, `/${name}`)),
      ...labelled.map((path) => web("labelled", path, `/${path}`)),
      plain("labelled relay", "with a header", "hello"),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) {
      server.closeAllConnections?.();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  }
}

/** Metadata by which a transport socket is chosen. */
const ofTransport = "envoy.transport_socket_match";
const xfcc = "x-forwarded-client-cert";
const upstreams = ["matches", "mismatches", "distrusts", "shows"];

const inspector = {
  name: "tls_inspector",
  typed_config: typed("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"),
};

const chain = (filters: readonly object[], match?: object, socket?: object): object => ({
  filters,
  ...(match !== undefined && { filter_chain_match: match }),
  ...(socket !== undefined && { transport_socket: socket }),
});

const tcp = (fields: object): object => ({
  name: "tcp",
  typed_config: typed("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: "tcp",
    ...fields,
  }),
});
const relay = (name: string): readonly object[] => [tcp({ cluster: name })];

/** Metadata by which parts of a cluster are chosen. */
const lb = (labels: object): object => ({ filter_metadata: { "envoy.lb": labels } });

/** Parts of the cluster `by label`. */
const labelled = ["part/secure", "part/plain"];

/** @param clusters of routes by the first part of the path, before all others; or `part/` and a part of the cluster. */
const web = (name: string, more: object = {}, clusters: readonly string[] = []): readonly object[] => [
  {
    name: "http",
    typed_config: typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
      stat_prefix: "web",
      http_filters: [httpFilter("router.v3.Router")],
      route_config: {
        virtual_hosts: [
          {
            name: "all",
            domains: ["*"],
            routes: [...clusters, ""].map((path) => ({
              match: { prefix: `/${path}` },
              route: path.startsWith("part/")
                ? { cluster: name, timeout: "5s", metadata_match: lb({ part: path.slice(5) }) }
                : { cluster: path || name, timeout: "5s" },
            })),
          },
        ],
      },
      ...more,
    }),
  },
];

const connectionRules = (action: string): object => ({
  name: "rbac",
  typed_config: typed("envoy.extensions.filters.network.rbac.v3.RBAC", {
    stat_prefix: "rbac",
    rules: {
      action,
      policies: {
        local: {
          permissions: [{ any: true }],
          principals: [{ remote_ip: { address_prefix: "127.0.0.0", prefix_len: 8 } }],
        },
      },
    },
  }),
});

const material = ({ cert, key }: CertificatePair): object => ({
  certificate_chain: { filename: cert },
  private_key: { filename: key },
});

function secured(
  pair: CertificatePair,
  { validation, ...more }: { readonly validation?: object } & Readonly<Record<string, unknown>> = {},
  alpn?: readonly string[],
): object {
  return {
    name: "tls",
    typed_config: typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
      common_tls_context: {
        tls_certificates: [material(pair)],
        ...(validation !== undefined && { validation_context: validation }),
        ...(alpn !== undefined && { alpn_protocols: alpn }),
      },
      ...more,
    }),
  };
}

const read = ({ cert, key }: CertificatePair) => ({ cert: readFileSync(cert), key: readFileSync(key) });

/** Time for an answer, in milliseconds. */
const patience = 10_000;

interface TlsQuestion {
  readonly servername?: string;
  readonly ALPNProtocols?: string[];
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** A handshake, and the first words behind it. */
async function askTls(port: number, options: TlsQuestion): Promise<Outcome> {
  const socket = connectSecure({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  let said = "";
  let isShaken = false;
  let facts = {};
  socket.setTimeout(patience, () => socket.destroy());
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    said += bytes.toString("latin1");
  });
  socket.on("secureConnect", () => {
    isShaken = true;
    const name = socket.getPeerCertificate().subject.CN;
    facts = { certificate: name, protocol: socket.alpnProtocol || "" };
    if (socket.alpnProtocol) socket.end();
  });
  await closed;
  // With TLS 1.3 a client learns behind its handshake that its certificate is refused.
  const isRefused = !isShaken || (said === "" && options.cert !== undefined);
  return isRefused ? { refused: true } : { ...facts, said: said.startsWith("\0") ? "" : said };
}

/** @returns all that a listener says. */
async function talk(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.on("close", resolve));
  let said = "";
  socket.setTimeout(patience, () => socket.destroy());
  socket
    .on("error", () => {})
    .on("data", (bytes) => {
      said += bytes.toString("latin1");
    });
  if (text !== "") socket.write(text);
  await closed;
  return said.replace(/ 127\.0\.0\.1 \d+ \d+\r/, " 127.0.0.1 PORTS\r");
}

/** @param secure the certificate that the client shows; undefined: it speaks no TLS. */
async function askWeb(port: number, path: string, secure?: CertificatePair | "none"): Promise<Outcome> {
  const { request: sendPlain } = await import("node:http");
  const options = {
    host: "127.0.0.1",
    port,
    path,
    agent: false as const,
    rejectUnauthorized: false,
    headers: { host: "localhost", [xfcc]: "Hash=forged" },
    ...(secure !== undefined && secure !== "none" && read(secure)),
  };
  const outgoing = secure === undefined ? sendPlain(options) : sendSecure(options);
  outgoing.setTimeout(patience, () => outgoing.destroy()).on("error", () => {});
  outgoing.end();
  try {
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    let body = "";
    for await (const part of response) body += part;
    if (response.statusCode !== 200) return { status: response.statusCode };
    const told = JSON.parse(body) as { certificate?: string };
    const certificate = told.certificate?.replace(/Hash=[0-9a-f]{64}/, "Hash=HASH").replaceAll(", ", ",");
    return { status: 200, ...told, ...(certificate !== undefined && { certificate }) };
  } catch {
    return { refused: true };
  }
}

/** The file of the answers that Envoy gave. */
export const transportAnswers = (): string =>
  join(import.meta.dirname, "../integration/envoy-corpus/transport-answers.json");
