import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import { createServer as createHttp2Server, type Http2ServerRequest } from "node:http2";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { parse } from "yaml";
import { cluster, httpFilter, typed } from "./envoy.ts";
import { GrpcJudge } from "./grpc-judge.ts";
import { postedAnswer } from "./posted-answer.ts";
import { TestProcessor } from "./processor.ts";

/** A cluster of one part, with the names of its backends and what is known of them. */
interface OwnCluster {
  readonly name: string;
  readonly endpoints: readonly { readonly to: string; readonly labels?: object }[];
}

/** A part of the corpus: a connection manager, and requests to it. */
interface Part {
  readonly http: {
    readonly listener?: object;
    readonly manager?: object;
    readonly filters?: readonly object[];
    readonly table: object;
  };
  readonly own_clusters?: readonly OwnCluster[];
  readonly requests: readonly (
    | string
    | {
        readonly line: string;
        readonly fields?: Record<string, string>;
        readonly body?: string;
        /** Of a body that nobody looks at, in bytes. */
        readonly size?: number;
      }
  )[];
}

/** A request of the corpus. */
export interface CorpusRequest {
  readonly name: string;
  readonly part: string;
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

export const parts = [
  "routes",
  "access",
  "clusters",
  "processing",
  "balancing",
  "limits",
  "clients",
  "named-clients",
] as const;

const folder = new URL("../integration/envoy-corpus/", import.meta.url);

/** The outcome is the same whoever is asked: the answer, and the request as the backend got it. */
export type Outcome = Readonly<Record<string, unknown>>;

type Asked = IncomingMessage | Http2ServerRequest;
type Answer = Pick<ServerResponse, "writeHead" | "end" | "destroy">;

/** Backends of the corpus. */
export class CorpusBackends implements AsyncDisposable {
  #judge: GrpcJudge | undefined;
  #processor: TestProcessor | undefined;
  readonly #servers: { close(done: () => void): void; closeAllConnections?(): void }[] = [];
  readonly #tries = new Map<string, number>();
  readonly #open = new Set<Answer>();
  readonly ports = new Map<string, number>();

  static async start(): Promise<CorpusBackends> {
    const backends = new CorpusBackends();
    backends.#judge = await GrpcJudge.start();
    backends.ports.set("judge", backends.#judge.port);
    backends.#processor = await TestProcessor.start();
    backends.ports.set("processor", backends.#processor.port);
    for (const name of ["a", "b", "authz", "poster"])
      await backends.#listen(
        name,
        // Nobody's connection ends while it waits for a processor that hangs.
        createServer({ keepAliveTimeout: 120_000 }, (asked, answer) => backends.#answer(name, asked, answer)),
      );
    await backends.#listen(
      "two",
      createHttp2Server((asked, answer) => backends.#answer("two", asked, answer as unknown as Answer)),
    );
    return backends;
  }

  async #listen(
    name: string,
    server: ReturnType<typeof createServer> | ReturnType<typeof createHttp2Server>,
  ): Promise<void> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.ports.set(name, (server.address() as AddressInfo).port);
    this.#servers.push(server);
  }

  #answer(name: string, asked: Asked, answer: Answer): void {
    const { method, url = "", headers } = asked;
    if (url.startsWith("/slow")) {
      this.#open.add(answer);
      return;
    }
    const parts: Buffer[] = [];
    asked.on("data", (part: Buffer) => parts.push(part));
    asked.on("end", () => {
      if (name === "poster") {
        const { status, content } = postedAnswer(Buffer.concat(parts).toString(), headers);
        answer.writeHead(status, { "content-type": "application/json" });
        answer.end(content);
        return;
      }
      if (name === "authz") {
        const isGood = headers["x-user"] === "good";
        const told = Object.entries(headers).filter(([field]) =>
          /^(x-pass|x-own|cookie|x-envoy-auth)/.test(field),
        );
        const good = {
          "x-known": `${method} ${url}`,
          "x-saw-body": Buffer.concat(parts).toString(),
          "x-saw-fields": told
            .map((field) => field.join("="))
            .sort()
            .join("; "),
          "x-list": "two",
          "x-none": "three",
          "x-checked": "yes",
        };
        answer.writeHead(isGood ? 200 : 403, isGood ? good : { "x-why": "unknown", "x-other": "1" });
        answer.end(isGood ? "" : "no");
        return;
      }
      const body = Buffer.concat(parts).toString();
      const from = asked.socket.remoteAddress;
      const seen = {
        backend: name,
        method,
        path: url,
        host: headers[":authority"] ?? headers.host,
        fields: headers,
        body,
        // Unless it is the usual one.
        ...(from !== "127.0.0.1" && { from }),
      };
      answer.writeHead(this.#statusOf(url, String(headers["x-run"])), {
        "x-backend": name,
        "x-backend-secret": "1",
      });
      answer.end(JSON.stringify(seen));
    });
  }

  /** The first try of `/flaky/…/503` fails so. */
  #statusOf(url: string, run: string): number {
    const [, status] = /^\/flaky\/.*\/(\d+)$/.exec(url) ?? [];
    if (status === undefined) return 200;
    const key = `${run} ${url}`;
    const before = this.#tries.get(key) ?? 0;
    this.#tries.set(key, before + 1);
    return before === 0 ? Number(status) : 200;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#judge?.[Symbol.dispose]();
    this.#processor?.[Symbol.dispose]();
    for (const answer of this.#open) answer.destroy();
    for (const server of this.#servers) {
      server.closeAllConnections?.();
      await new Promise<void>((resolve) => server.close(resolve));
    }
  }
}

/** The corpus as a bootstrap file, and its requests. */
export interface Corpus {
  /** @param ports of the listeners, in the order of {@link parts}, and of the admin server. */
  file(ports: readonly number[]): string;
  readonly requests: readonly CorpusRequest[];
  /** Texts that differ from run to run, with names for them. */
  readonly names: ReadonlyMap<string, string>;
}

export async function readCorpus(backends: CorpusBackends): Promise<Corpus> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "1", alg: "ES256" }] });
  const other = await generateKeyPair("ES256");
  const token = (key: typeof privateKey): Promise<string> =>
    new SignJWT({ sub: "alice" })
      .setProtectedHeader({ alg: "ES256", kid: "1" })
      .setIssuer("https://issuer.test")
      .setAudience("me")
      .setExpirationTime("1h")
      .sign(key);
  const address = (name: string): string => `127.0.0.1:${backends.ports.get(name)}`;
  const values = new Map([
    ["$JWKS", JSON.stringify(jwks)],
    ["$TOKEN", await token(privateKey)],
    ["$BADTOKEN", await token(other.privateKey)],
    ["$A", address("a")],
    ["$B", address("b")],
  ]);
  const read = (name: string): Part => {
    const text = readFileSync(new URL(`${name}.yaml`, folder), "utf8");
    return parse(text.replaceAll(/\$[A-Z]+/g, (key) => values.get(key) ?? key)) as Part;
  };
  const all = parts.map((name) => ({ name, part: read(name) }));
  return {
    file: (ports) => fileOf(all, ports, backends),
    requests: all.flatMap(({ name, part }) =>
      part.requests.map((each, index) => requestOf(name, index, each, values)),
    ),
    names: new Map([...values].filter(([key]) => key !== "$JWKS").map(([key, value]) => [value, key])),
  };
}

function requestOf(
  part: string,
  index: number,
  each: Part["requests"][number],
  values: ReadonlyMap<string, string>,
): CorpusRequest {
  const {
    line,
    fields = {},
    size = 0,
    body = "x".repeat(size),
  } = typeof each === "string" ? { line: each } : each;
  const [method = "", host = "", target = ""] = line.split(" ");
  let name = `${part} ${index + 1}: ${line}`;
  for (const [key, value] of values) name = name.replaceAll(value, key);
  return { name, part, method, host, target, fields, body };
}

function fileOf(
  all: readonly { name: string; part: Part }[],
  ports: readonly number[],
  { ports: of }: CorpusBackends,
): string {
  const address = (port: number): object => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const listeners = all.map(({ name, part: { http } }, index) => ({
    name,
    ...http.listener,
    address: address(ports[index]!),
    filter_chains: [
      {
        filters: [
          {
            name: "http",
            typed_config: typed(
              "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              {
                stat_prefix: name,
                http_filters: [...(http.filters ?? []), httpFilter("router.v3.Router")],
                route_config: { name, ...http.table },
                ...http.manager,
              },
            ),
          },
        ],
      },
    ],
  }));
  return JSON.stringify({
    node: { id: "one", cluster: "edge" },
    admin: { address: address(ports[all.length]!) },
    static_resources: {
      listeners,
      clusters: [
        ...clustersOf((name) => of.get(name)!),
        ...all.flatMap(({ part }) => part.own_clusters ?? []).map((each) => ownCluster(each, of)),
      ],
    },
  });
}

function ownCluster({ name, endpoints, ...rest }: OwnCluster, ports: CorpusBackends["ports"]): object {
  const members = endpoints.map(({ to, labels }) => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: ports.get(to) } } },
    ...(labels !== undefined && { metadata: { filter_metadata: { "envoy.lb": labels } } }),
  }));
  return { name, ...rest, load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: members }] } };
}

function clustersOf(port: (name: string) => number): readonly object[] {
  const endpoint = (name: string, more: object = {}): object => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port(name) } } },
    ...more,
  });
  const endpoints = (name: string, list: readonly object[]): object => ({
    load_assignment: { cluster_name: name, endpoints: list },
  });
  const options = typed("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", {
    explicit_http_config: { http2_protocol_options: {} },
  });
  const policy = (name: string, fields: object = {}): object => ({
    policies: [
      {
        typed_extension_config: {
          name,
          typed_config: typed(`envoy.extensions.load_balancing_policies.${name}`, fields),
        },
      },
    ],
  });
  return [
    ...["a", "b", "authz", "poster"].map((name) => named(cluster(name, port(name)), name)),
    ...["judge", "processor", "two"].map((name) =>
      named(
        cluster(name, port(name), {
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options,
          },
        }),
        name,
      ),
    ),
    {
      name: "named",
      ...endpoints("named", [{ lb_endpoints: [endpoint("a"), endpoint("b")] }]),
      load_balancing_policy: policy("override_host.v3.OverrideHost", {
        override_host_sources: [{ header: "x-backend-address" }, { header: "x-second" }],
        fallback_policy: policy("round_robin.v3.RoundRobin"),
      }),
    },
    {
      name: "second",
      ...endpoints("second", [
        { lb_endpoints: [endpoint("a", { health_status: "UNHEALTHY" })] },
        { priority: 1, lb_endpoints: [endpoint("b")] },
      ]),
    },
    named(
      cluster("sourced", port("a"), {
        upstream_bind_config: {
          source_address: { address: "127.0.0.9", port_value: 0 },
          socket_options: [{ level: 1, name: 9, int_value: 1, state: "STATE_PREBIND" }],
        },
      }),
      "sourced",
    ),
    named(cluster("dead", 1), "dead"),
    {
      name: "strict",
      type: "STRICT_DNS",
      dns_lookup_family: "V4_ONLY",
      ...endpoints("strict", [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: "localhost", port_value: port("a") } } } },
          ],
        },
      ]),
    },
  ];
}

/** Envoy wants a name in each assignment. */
function named(of: object, name: string): object {
  const { load_assignment: assignment, ...rest } = of as { load_assignment: object };
  return { ...rest, load_assignment: { cluster_name: name, ...assignment } };
}

/** Fields that proxies add as they like, or that belong to the connection. */
const ownFields =
  /^(:|x-envoy|x-forwarded-(for|proto|host|port)$|date$|server$|connection$|keep-alive$|transfer-encoding$|content-length$|retry-after$|ratelimit|vary$|www-authenticate$|x-run$|host$|http2-settings$|upgrade$|grpc-timeout$)/;

/** @param run tells the backends who asks. */
export async function ask(
  request: CorpusRequest,
  port: number,
  run: string,
  names: Corpus["names"],
): Promise<Outcome> {
  const { method, host, target, fields, body } = request;
  const headers = {
    ...fields,
    host,
    "x-run": run,
    ...(body !== "" && { "content-length": Buffer.byteLength(body) }),
  };
  const answer = await new Promise<{ status: number; fields: IncomingMessage["headers"]; body: string }>(
    (resolve, reject) => {
      const outgoing = send({
        host: "127.0.0.1",
        port,
        method,
        path: target,
        headers,
        agent: false,
        timeout: 20_000,
      });
      outgoing.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("end", () =>
          resolve({ status: response.statusCode!, fields: response.headers, body: text }),
        );
        response.on("error", reject);
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer")));
      outgoing.on("error", reject);
      outgoing.end(body);
    },
  );
  const rename = (text: string): string => {
    for (const [value, name] of names) text = text.replaceAll(value, name);
    return text;
  };
  return JSON.parse(rename(JSON.stringify(outcomeOf(answer)))) as Outcome;
}

/** A processor may have changed letters. */
const lowered = (text: string): string => text.toLowerCase();

function outcomeOf({
  status,
  fields,
  body,
}: {
  status: number;
  fields: IncomingMessage["headers"];
  body: string;
}): Outcome {
  const answer = { status, fields: kept(fields, status) };
  // Whether clients are told of the id is everybody's own.
  delete answer.fields["x-request-id"];
  if (fields["x-backend"] !== undefined && body !== "") {
    const seen = JSON.parse(body.replace(/^\{"BACKEND.*$/s, lowered)) as {
      fields: IncomingMessage["headers"];
    };
    return { ...answer, seen: { ...seen, fields: kept(seen.fields, 200) } };
  }
  // Texts about what is wrong are everybody's own.
  return status < 400 || fields["x-direct"] !== undefined || body === "it is gone"
    ? { ...answer, body }
    : answer;
}

function kept(fields: IncomingMessage["headers"], status: number): Record<string, unknown> {
  const entries = Object.entries(fields).filter(([name, value]) => {
    if (name === "x-request-id") return value === "mine";
    return !ownFields.test(name) && !(name === "content-type" && status >= 400);
  });
  // Values of one name are joined with a blank or without one.
  const joined = entries.map(([name, value]) => [name, String(value).replaceAll(", ", ",")] as const);
  return Object.fromEntries(joined.sort(([one], [other]) => (one < other ? -1 : 1)));
}
