import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Message } from "../../src/providers/envoy/read/wire.ts";
import { AdsServer, edsCluster, httpListener, tcpListener } from "../support/ads-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const types = {
  cluster: "envoy.config.cluster.v3.Cluster",
  endpoints: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "envoy.config.listener.v3.Listener",
  routes: "envoy.config.route.v3.RouteConfiguration",
} as const;

let servers: readonly Server[];
let control: AdsServer;
let umay: RunningUmay;
let port: number;
let tcpPort: number;

/** An endpoint of a version, in a locality of its own. */
const endpoint = (index: number, more: Message = {}): Message => ({
  endpoint: {
    address: {
      socket_address: {
        address: "127.0.0.1",
        port_value: (servers[index]!.address() as AddressInfo).port,
      },
    },
  },
  metadata: { filter_metadata: { "envoy.lb": { version: `v${index}` } } },
  ...more,
});

const assignment = (cluster: string, ...endpoints: readonly Message[]): Message => ({
  "@type": types.endpoints,
  cluster_name: cluster,
  endpoints: [{ lb_endpoints: endpoints }],
});

const route = (prefix: string, more: Message): Message => ({
  match: { prefix },
  route: { cluster: "app", ...more },
});

const versioned = (version: string): Message => ({
  metadata_match: { filter_metadata: { "envoy.lb": { version } } },
});

/** The listener, with a field that keeps clients at the endpoint that they have. */
function withSessions(listener: Message): Message {
  const [chain] = listener["filter_chains"] as readonly Message[];
  const [filter] = chain!["filters"] as readonly Message[];
  const typed_config = {
    ...(filter!["typed_config"] as Message),
    http_filters: [
      {
        name: "session",
        typed_config: {
          "@type": "envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
          session_state: {
            typed_config: {
              "@type": "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
              name: "x-session",
            },
          },
        },
      },
    ],
  };
  return { ...listener, filter_chains: [{ ...chain, filters: [{ typed_config }] }] };
}

/** A listener that relays the bytes of its clients to a part of a cluster. */
function relayTo(version: string): Message {
  const { filter_chains: chains, ...listener } = tcpListener("tcp", tcpPort, "app");
  const [
    {
      filters: [filter],
    },
  ] = chains as [{ filters: [{ typed_config: Message }] }];
  const typed_config = { ...filter.typed_config, ...versioned(version) };
  return { ...listener, filter_chains: [{ filters: [{ typed_config }] }] };
}

/** The status and the body of an answer. */
async function ask(path: string, at = port): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${at}${path}`, { headers: { connection: "close" } });
  const text = await answer.text();
  return answer.status === 200 ? text : String(answer.status);
}

before(async () => {
  servers = await Promise.all(
    ["v0", "v1"].map(async (name) => {
      const server = createServer((_, response) => response.end(name));
      await once(server.listen(0, "127.0.0.1"), "listening");
      return server;
    }),
  );
  [port = 0, tcpPort = 0] = await freePorts(2);
  control = await AdsServer.start("delta");
  const starting = startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    [xds]
    servers = ["127.0.0.1:${control.port}"]
    node = { id = "umay-1", cluster = "edge" }`);
  await control.request(({ type }) => type === "Cluster");
  control.send(types.cluster, [
    edsCluster("both"),
    {
      "@type": types.cluster,
      name: "any",
      type: "ORIGINAL_DST",
      lb_policy: "CLUSTER_PROVIDED",
      cleanup_interval: 1_000,
      original_dst_lb_config: { use_http_header: true },
      metadata: { filter_metadata: { umay: { local_destinations: true } } },
    },
    edsCluster("app", { lb_subset_config: { subset_selectors: [{ keys: ["version"] }] } }),
  ]);
  control.send(types.listener, [withSessions(httpListener("web", port, "r")), relayTo("v1")]);
  await control.request(({ type }) => type === "ClusterLoadAssignment");
  control.send(types.endpoints, [
    assignment("app", endpoint(0), endpoint(1)),
    assignment("both", endpoint(0), endpoint(1)),
  ]);
  await control.request(({ type }) => type === "RouteConfiguration");
  control.send(types.routes, [
    {
      "@type": types.routes,
      name: "r",
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            route("/v0", versioned("v0")),
            route("/v1", versioned("v1")),
            route("/v2", versioned("v2")),
            route("/split", {
              cluster: undefined,
              weighted_clusters: {
                clusters: ["v0", "v1"].map((version) => ({
                  name: "app",
                  weight: 1,
                  ...versioned(version),
                })),
              },
            }),
            route("/both", { cluster: "both" }),
            route("/any", { cluster: "any" }),
            route("/", {}),
          ],
        },
      ],
    },
  ]);
  umay = await starting;
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await control?.[Symbol.asyncDispose]();
  for (const server of servers ?? []) server.close();
});

test("requests go to the part of a cluster that their route asks for, and to none where there is none", async () => {
  assert.deepEqual(
    [await ask("/v0"), await ask("/v0"), await ask("/v1"), await ask("/v2"), await ask("/")],
    ["v0", "v0", "v1", "503", "503"],
  );
  const seen = new Set<string>();
  for (let count = 0; count < 200 && seen.size < 2; count++) seen.add(await ask("/split"));
  assert.deepEqual(seen, new Set(["v0", "v1"]));
});

test("connections go to the part that tcp_proxy asks for, and explain knows the part", async () => {
  for (let count = 0; count < 6; count++) assert.equal(await ask("/", tcpPort), "v1");
  const address = `127.0.0.1:${(servers[1]!.address() as AddressInfo).port}`;
  for (const query of ["listener=tcp", `listener=web&url=${encodeURIComponent("http://h/v1")}`]) {
    const answer = await fetch(`${umay.admin}/explain?${query}`);
    const { reason, pool } = (await answer.json()) as { reason: unknown; pool: { backend: string } };
    assert.deepEqual([reason, pool.backend], [null, address], query);
  }
});

test("an endpoint that the control plane calls unhealthy is down, and takes no requests", async () => {
  control.send(types.endpoints, [
    assignment("app", endpoint(0, { health_status: "UNHEALTHY" }), endpoint(1)),
  ]);
  await becomes(
    async () => (await umay.status()).pools["app"]!.backends.map(({ state }) => state),
    (states) => states.join() === "down,up",
    "states of backends",
  );
  assert.deepEqual([await ask("/v0"), await ask("/v1")], ["503", "v1"]);
  control.send(types.endpoints, [assignment("app", endpoint(0), endpoint(1))]);
  await becomes(
    () => ask("/v0"),
    (answer) => answer === "v0",
    "an answer",
  );
});

test("a field of the answer keeps a client at the endpoint that it had", async () => {
  const get = (session?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/both`, {
      headers: { connection: "close", ...(session !== undefined && { "x-session": session }) },
    });
  const sessions = new Map<string, string>();
  for (let count = 0; count < 200 && sessions.size < 2; count++) {
    const answer = await get();
    sessions.set(await answer.text(), answer.headers.get("x-session")!);
  }
  assert.equal(sessions.size, 2);
  for (const [name, session] of sessions)
    for (let count = 0; count < 5; count++) {
      const answer = await get(session);
      assert.deepEqual([await answer.text(), answer.headers.get("x-session")], [name, null]);
    }
});

test("a request goes where its field says, to a backend that comes for it and leaves again", async () => {
  const get = async (to: string): Promise<string> => {
    const headers = { connection: "close", "x-envoy-original-dst-host": to };
    const answer = await fetch(`http://127.0.0.1:${port}/any`, { headers });
    return answer.status === 200 ? answer.text() : String(answer.status);
  };
  const address = (index: number): string => `127.0.0.1:${(servers[index]!.address() as AddressInfo).port}`;
  assert.deepEqual(await Promise.all([get(address(0)), get(address(1)), get(address(0))]), [
    "v0",
    "v1",
    "v0",
  ]);
  const backends = async (): Promise<readonly string[]> =>
    (await umay.status()).pools["any"]!.backends.map((backend) => backend.address);
  // Not an address, and umay itself.
  for (const own of ["localhost:80", `127.0.0.1:${port}`, `0.0.0.0:${port}`, `[::ffff:0.0.0.0]:${port}`])
    assert.equal(await get(own), "503", own);
  await becomes(backends, (left) => left.length === 0, "backends that nobody asks for");
});
