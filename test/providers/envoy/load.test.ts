import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { relayTarget } from "../../../src/model/chain.ts";
import type { Model } from "../../../src/model/model.ts";
import { loadEnvoyText } from "../../../src/providers/envoy/load.ts";
import { envoyTypes } from "../../../src/providers/envoy/schema/registry.ts";
import { ConfigError, problemText } from "../../../src/providers/provider.ts";
import { loadConfigText } from "../../../src/providers/toml/load.ts";
import { modelToToml } from "../../../src/providers/toml/write/write.ts";
import { testCertificates } from "../../support/certificates.ts";

const options = { name: "envoy.yaml", directory: "/", env: {}, terminal: false };
const example = readFileSync(new URL("../../../config/examples/envoy.yaml", import.meta.url), "utf8");

async function load(text: string): Promise<{ model: Model; warnings: readonly string[] }> {
  const { model, warnings } = await loadEnvoyText(text, options);
  return { model, warnings: warnings.map(problemText) };
}

async function problems(text: string): Promise<readonly string[]> {
  try {
    await loadEnvoyText(text, options);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(
      (problem) => `${problemText(problem)}${problem.hint === undefined ? "" : ` ${problem.hint}`}`,
    );
  }
  assert.fail("it is good");
}

const typed = (name: string): string => `"@type": type.googleapis.com/${name}`;
const tcpProxy = typed("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy");
const downstreamTls = typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext");

/** A listener that relays to cluster `a`. @param more lines of the listener. */
const tcp = (chains: string, clusters = "", more = ""): string => `
static_resources:
  listeners:
  - name: l
    address: { socket_address: { address: 127.0.0.1, port_value: 4000 } }
    ${more}
    filter_chains: ${chains}
  clusters:
  - name: a
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 4001 } } } }] }] }
    ${clusters}
`;
const relays = `filters: [{ name: t, typed_config: { ${tcpProxy}, cluster: a } }]`;

test("every table can be read, and names a number once in each message", () => {
  for (const type of envoyTypes().values())
    if (type.kind === "message") assert.equal(type.byNumber.size, type.fields.size, type.name);
});

test("the example is mapped: routes in its order, weights, rewrites, changes of fields, health checks", async () => {
  const { model, warnings } = await load(example);
  assert.deepEqual(warnings, []);
  const rules = model.routeTables[0]!.hosts[0]!.rules;
  assert.deepEqual(
    rules.map(({ match, route }) => [match.path?.kind, match.path?.value, route.action.kind]),
    [
      ["exact", "/health", "respond"],
      ["text-prefix", "/old/", "redirect"],
      ["text-prefix", "/api/", "pools"],
      ["text-prefix", "/", "pools"],
    ],
  );
  const [, , api, rest] = rules.map(({ route }) => route);
  assert.deepEqual(api!.rewrite.path, { kind: "prefix", prefix: "/" });
  assert.deepEqual(api!.requestFields.add, { "x-client": [{ variable: "client.ip" }] });
  assert.equal(api!.timeouts.request, 5_000);
  assert.equal(rest!.timeouts.request, 15_000, "Envoy's default");
  assert.deepEqual(rest!.upgrades, ["websocket"]);
  assert.deepEqual(rest!.action.kind === "pools" && rest!.action.to, [
    { pool: "site", weight: 95 },
    { pool: "next", weight: 5 },
  ]);
  const [first] = model.pools;
  assert.deepEqual([first!.name, first!.picker.type, first!.connect.timeout], ["api", "power-of-two", 1_000]);
  assert.equal(first!.health.check?.type, "http");
  assert.equal(first!.health.outlier.enabled, false);
  assert.deepEqual(
    model.pools.map(({ name }) => name),
    ["api", "site", "next"],
  );
});

test("JSON in camelCase and YAML in snake_case mean the same", async () => {
  const yaml = await load(tcp(`[{ ${relays} }]`));
  const json = JSON.stringify({
    staticResources: {
      listeners: [
        {
          name: "l",
          address: { socketAddress: { address: "127.0.0.1", portValue: "4000" } },
          filterChains: [
            {
              filters: [
                {
                  name: "t",
                  typedConfig: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                    cluster: "a",
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: "a",
          loadAssignment: {
            endpoints: [
              {
                lbEndpoints: [
                  { endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: 4001 } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  });
  assert.deepEqual(await load(json), yaml);
});

test("what is wrong is told with line and column, and a guess at what was meant", async () => {
  const found = await problems(tcp(`[{ ${relays} }]`, "lb_polcy: RANDOM"));
  assert.deepEqual(found, [
    'envoy.yaml:11:5: static_resources.clusters[0].lb_polcy: envoy.config.cluster.v3.Cluster has no such field did you mean "lb_policy"?',
  ]);
  assert.match(
    (await problems(tcp(`[{ ${relays} }]`, "lb_policy: RANDM")))[0]!,
    /expected one of ROUND_ROBIN.*did you mean "RANDOM"/,
  );
  assert.match(
    (await problems(tcp(`[{ ${relays} }]`, "connect_timeout: 5")))[0]!,
    /expected a duration in seconds/,
  );
  assert.match((await problems("a: [\n"))[0]!, /^envoy\.yaml:2:1: /);
  assert.match(
    (await problems(tcp(`[{ ${relays.replace("cluster: a", "cluster: b")} }]`)))[0]!,
    /there is no cluster "b"/,
  );
});

test("an address is one of IP, or the name of a host", async () => {
  for (const host of ["10.0.0.1:80", "[::1]", ":path", "a b", "http://a", "a/b", "\\0"])
    for (const port of ["4000", "4001"])
      assert.match(
        (
          await problems(
            tcp(`[{ ${relays} }]`).replace(
              `127.0.0.1, port_value: ${port}`,
              `"${host}", port_value: ${port}`,
            ),
          )
        )[0]!,
        /socket_address\.address: is no IP address and no name of a host/,
        host,
      );
  for (const host of ["10.0.0.1", "::1", "fe80::1%lo", "db-1.example_a.test"])
    await load(tcp(`[{ ${relays} }]`).replace("127.0.0.1, port_value: 4001", `"${host}", port_value: 4001`));
});

test("what umay can't do is an error, and what has no effect a warning; neither is ignored in silence", async () => {
  const lua = `filters: [{ name: x, typed_config: { ${typed("envoy.extensions.filters.network.redis_proxy.v3.RedisProxy")} } }]`;
  assert.match((await problems(tcp(`[{ ${lua} }]`)))[0]!, /RedisProxy: umay relays Redis with tcp_proxy/);
  for (const filters of ["filters: [{ name: x }]", "filters: [{ name: x, config_discovery: {} }]"])
    assert.match((await problems(tcp(`[{ ${filters} }]`))).join(), /filters\[0\]: has no typed_config/);
  assert.match(
    (await problems(tcp(`[{ ${relays} }]`, "lb_policy: CLUSTER_PROVIDED")))[0]!,
    /CLUSTER_PROVIDED is not supported/,
  );
  const { warnings } = await load(tcp(`[{ ${relays} }]`, "lrs_server: { self: {} }"));
  assert.match(warnings.join("\n"), /lrs_server: has no effect: loads are not reported/);
  const dynamic = await load("dynamic_resources: {}");
  assert.match(dynamic.warnings.join(), /what the control plane says is not known here/);
});

test("filter chains have certificates of their own, from files, texts and secrets", async () => {
  const { ecdsa, otherName } = await testCertificates();
  const text = (file: string): string => JSON.stringify(readFileSync(file, "utf8"));
  const inline = `{ certificate_chain: { inline_string: ${text(otherName.cert)} }, private_key: { inline_string: ${text(otherName.key)} } }`;
  const chain = (names: string, common: string): string =>
    `{ name: ${names}, filter_chain_match: { server_names: [${names}] }, transport_socket: { name: tls, typed_config: { ${downstreamTls}, common_tls_context: ${common} } }, ${relays} }`;
  const config = tcp(
    `[${chain("other.test", "{ tls_certificate_sds_secret_configs: [{ name: s }] }")}, ${chain("localhost", `{ tls_certificates: [{ certificate_chain: { filename: ${ecdsa.cert} }, private_key: { filename: ${ecdsa.key} } }] }`)}]`,
  );
  const { model } = await load(`${config}\n  secrets: [{ name: s, tls_certificate: ${inline} }]\n`);
  const [listener] = model.listeners;
  assert.deepEqual(
    listener!.tls.map(({ name, certificates }) => [
      name,
      certificates[0]!.names[0],
      certificates[0]!.source.given === undefined,
    ]),
    [
      ["other.test", "other.test", false],
      ["localhost", "localhost", true],
    ],
  );
  assert.equal(listener!.detect, false);
  assert.deepEqual(
    listener!.chains.map(({ match, settings, serve }) => [match.sni[0], settings, serve.kind]),
    [
      ["other.test", "other.test", "relay"],
      ["localhost", "localhost", "relay"],
      [undefined, undefined, "refuse"],
    ],
  );
});

test("a client certificate that nobody could verify is never asked for in vain", async () => {
  const { ecdsa } = await testCertificates();
  const certificates = `tls_certificates: [{ certificate_chain: { filename: ${ecdsa.cert} }, private_key: { filename: ${ecdsa.key} } }]`;
  const chain = `[{ transport_socket: { name: tls, typed_config: { ${downstreamTls}, require_client_certificate: true, common_tls_context: { ${certificates} } } }, ${relays} }]`;
  assert.match((await problems(tcp(chain)))[0]!, /needs a validation context with trusted_ca/);
});

test("endpoints keep their weights, priorities and localities, and those that are unhealthy are known as such", async () => {
  const endpoint = (port: number, more: string): string =>
    `{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } }, ${more} }`;
  const { model } = await load(`
static_resources:
  clusters:
  - name: a
    lb_policy: MAGLEV
    common_lb_config: { locality_weighted_lb_config: {} }
    load_assignment:
      endpoints:
      - { load_balancing_weight: 3000, locality: { region: r, zone: a }, lb_endpoints: [${endpoint(1, "load_balancing_weight: 1")}, ${endpoint(2, "load_balancing_weight: 2")}] }
      - { priority: 1, locality: { region: r, zone: b }, lb_endpoints: [${endpoint(3, "health_status: DRAINING")}, ${endpoint(4, "health_status: HEALTHY")}] }
`);
  const [pool] = model.pools;
  assert.ok(pool!.discovery.type === "static");
  assert.deepEqual(
    pool!.discovery.backends.map(({ address, weight, tier, unfit, locality }) => [
      address,
      weight,
      tier,
      unfit,
      locality,
    ]),
    [
      ["127.0.0.1:1", 1, 0, undefined, { name: "r/a/", weight: 3000 }],
      ["127.0.0.1:2", 2, 0, undefined, { name: "r/a/", weight: 3000 }],
      ["127.0.0.1:3", 1, 1, true, { name: "r/b/", weight: 0 }],
      ["127.0.0.1:4", 1, 1, undefined, { name: "r/b/", weight: 0 }],
    ],
  );
  assert.deepEqual(pool!.localities, { by: "weight" });
  assert.equal(pool!.picker.type, "consistent-hash");
});

test("zones count where the file names the cluster of all umays, and parts of a cluster where routes ask for them", async () => {
  const { model } = await load(`
node: { id: u, cluster: c, locality: { region: r, zone: a } }
cluster_manager: { local_cluster_name: umays }
static_resources:
  listeners:
  - name: l
    address: { socket_address: { address: 127.0.0.1, port_value: 4000 } }
    filter_chains:
    - filters:
      - name: http
        typed_config:
          ${typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager")}
          route_config:
            virtual_hosts:
            - name: h
              domains: ["*"]
              routes:
              - match: { prefix: / }
                route:
                  metadata_match: { filter_metadata: { envoy.lb: { stage: prod } } }
                  weighted_clusters:
                    clusters:
                    - { name: a, weight: 9, metadata_match: { filter_metadata: { envoy.lb: { version: 1 } } } }
                    - { name: a, weight: 1, metadata_match: { filter_metadata: { envoy.lb: { version: 2 } } } }
  clusters:
  - name: umays
    load_assignment: { endpoints: [] }
  - name: a
    lb_subset_config:
      fallback_policy: DEFAULT_SUBSET
      default_subset: { stage: prod }
      subset_selectors: [{ keys: [stage, version] }]
    load_balancing_policy:
      policies:
      - typed_extension_config:
          name: rr
          typed_config:
            ${typed("envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin")}
            locality_lb_config: { zone_aware_lb_config: { min_cluster_size: 2, force_locality_direct_routing: true } }
    load_assignment:
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }
          metadata: { filter_metadata: { envoy.lb: { stage: prod, version: 1 }, other: { x: y } } }
`);
  const pool = model.pools.find(({ name }) => name === "a")!;
  const zone = { by: "zone", own: "r/a/", peers: "umays", percent: 100 };
  assert.deepEqual(pool.localities, { ...zone, minBackends: 2, direct: true });
  assert.deepEqual(model.pools[0]!.localities, { ...zone, minBackends: 6, direct: false });
  assert.deepEqual(pool.subsets, {
    selectors: [{ keys: ["stage", "version"] }],
    otherwise: "usual",
    usual: { stage: '"prod"' },
  });
  assert.ok(pool.discovery.type === "static");
  assert.deepEqual(pool.discovery.backends[0]!.labels, { stage: '"prod"', version: "1" });
  const [{ route } = assert.fail("no rule")] = model.routeTables[0]!.hosts[0]!.rules;
  assert.deepEqual(route.action.kind === "pools" && route.action.to, [
    { pool: "a", weight: 9, subset: { stage: '"prod"', version: "1" } },
    { pool: "a", weight: 1, subset: { stage: '"prod"', version: "2" } },
  ]);
});

test("backends start slowly and are ejected as the cluster says", async () => {
  const window = "slow_start_config: { slow_start_window: 20s }";
  const { model, warnings } = await load(`
static_resources:
  clusters:
  - name: a
    load_assignment: { endpoints: [] }
    round_robin_lb_config: { ${window} }
    outlier_detection: { consecutive_5xx: 3, always_eject_one_host: true }
  - name: b
    load_assignment: { endpoints: [] }
    load_balancing_policy:
      policies:
      - typed_extension_config:
          name: lr
          typed_config:
            ${typed("envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest")}
            ${window}
    outlier_detection: { successful_active_health_check_uneject_host: false }
`);
  assert.deepEqual(
    model.pools.map(({ slowStart, health: { outlier } }) => [slowStart, outlier.oneAtLeast]),
    [
      [20_000, undefined],
      [20_000, false],
    ],
  );
  assert.match(warnings.join("\n"), /uneject_host: has no effect/);
});

test("a part of the ejections is carried out, each kind with a chance of its own", async () => {
  const outlierOf = async (detection: string) => {
    const { model, warnings } = await load(`
static_resources:
  clusters:
  - { name: a, load_assignment: { endpoints: [] }, outlier_detection: { ${detection} } }
`);
    const { outlier } = model.pools[0]!.health;
    const { consecutiveErrors, chance, successRate, failureRate } = outlier;
    const told = warnings.filter((text) => text.includes("outlier_detection"));
    return [consecutiveErrors, chance, successRate?.chance, failureRate?.chance, told] as const;
  };
  const kinds = "enforcing_success_rate: 30, enforcing_failure_percentage: 20";
  assert.deepEqual(await outlierOf(`enforcing_consecutive_5xx: 40, ${kinds}`), [5, 40, 30, 20, []]);
  assert.deepEqual(
    await outlierOf("enforcing_consecutive_5xx: 50, enforcing_consecutive_gateway_failure: 50"),
    [5, 75, undefined, undefined, []],
  );
  assert.deepEqual(
    await outlierOf(
      "consecutive_5xx: 9, consecutive_gateway_failure: 3, enforcing_consecutive_gateway_failure: 100",
    ),
    [3, undefined, undefined, undefined, []],
  );
  const [errors, chance, , , warnings] = await outlierOf(
    "consecutive_5xx: 9, consecutive_gateway_failure: 3, enforcing_consecutive_gateway_failure: 10",
  );
  assert.deepEqual([errors, chance], [3, 10]);
  assert.match(warnings.join("\n"), /consecutive_5xx: has no effect: the smaller count of 3/);
});

test("clients of a cluster of type ORIGINAL_DST say where they go", async () => {
  const config = `
static_resources:
  clusters:
  - name: a
    type: ORIGINAL_DST
    lb_policy: CLUSTER_PROVIDED
    cleanup_interval: 2s
    original_dst_lb_config: { use_http_header: true, upstream_port_override: 8080 }
  - name: b
    type: ORIGINAL_DST
    lb_policy: CLUSTER_PROVIDED
    original_dst_lb_config: { use_http_header: true, http_header_name: X-To }
  - { name: c, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED }
  - name: d
    type: ORIGINAL_DST
    lb_policy: CLUSTER_PROVIDED
    original_dst_lb_config: { use_http_header: true }
    metadata: { filter_metadata: { umay: { local_destinations: true }, others: { x: 1 } } }
`;
  const { model, warnings } = await load(config);
  assert.deepEqual(
    model.pools.map(({ destination }) => destination),
    [
      { field: "x-envoy-original-dst-host", port: 8080, idle: 2_000 },
      { field: "x-to", idle: 5_000 },
      { idle: 5_000 },
      { field: "x-envoy-original-dst-host", near: true, idle: 5_000 },
    ],
  );
  assert.match(warnings.join("\n"), /use_http_header: lets clients choose any address but local ones/);
  assert.match(
    (await problems(config.replace("local_destinations: true", "local_destination: true"))).join(),
    /metadata: of umay, expected local_destinations/,
  );
});

test("the TOML of a converted file loads, and leads to the same pools in the same order", async () => {
  const { model } = await load(example);
  const { text, omitted } = modelToToml(model);
  assert.equal(omitted, 0);
  const { model: again } = await loadConfigText(text, { name: "umay.toml", directory: "/", env: {} });
  assert.deepEqual(
    again.pools.map(({ name, discovery, picker, connect }) => ({ name, discovery, picker, connect })),
    model.pools.map(({ name, discovery, picker, connect }) => ({ name, discovery, picker, connect })),
  );
  const actions = ({ routeTables }: Model): unknown =>
    routeTables[0]!.hosts[0]!.rules.map(({ route: { action, requestFields, upgrades } }) => ({
      action: action.kind,
      requestFields: { ...requestFields, skipsEmpty: undefined },
      upgrades: action.kind === "pools" && upgrades,
    }));
  assert.deepEqual(actions(again), actions(model));
  const relayed = await load(tcp(`[{ ${relays} }]`));
  const plain = await loadConfigText(modelToToml(relayed.model).text, {
    name: "umay.toml",
    directory: "/",
    env: {},
  });
  assert.deepEqual(relayTarget(plain.model.listeners[0]!.chains[0]!.serve), [{ pool: "a", weight: 1 }]);
});

test("connections have limits, ages and rules about addresses", async () => {
  const filter = (name: string, fields: string): string =>
    `{ name: f, typed_config: { ${typed(`envoy.extensions.filters.network.${name}`)}, ${fields} } }`;
  const rbac = (principal: string): string =>
    filter(
      "rbac.v3.RBAC",
      `rules: { action: DENY, policies: { p: { permissions: [{ any: true }], principals: [${principal}] } } }`,
    );
  const chain = (...before: string[]): string =>
    `[{ filters: [${[...before, `{ name: t, typed_config: { ${tcpProxy}, cluster: a, max_downstream_connection_duration: 60s } }`].join(", ")}] }]`;
  const source = rbac("{ direct_remote_ip: { address_prefix: 10.0.0.0, prefix_len: 8 } }");
  const { model } = await load(
    tcp(chain(source, filter("connection_limit.v3.ConnectionLimit", "max_connections: 7"))),
  );
  const [listener] = model.listeners;
  assert.equal(listener!.maxConnections, 7);
  assert.deepEqual(
    listener!.chains.map(({ serve, match, maxAge }) => [serve.kind, match.from.length, maxAge]),
    [
      ["refuse", 1, 60_000],
      ["relay", 0, 60_000],
    ],
  );
  assert.match((await problems(tcp(chain(rbac("{ any: true }")))))[0]!, /addresses of clients as principals/);
  const proxies = `listener_filters: [{ name: p, typed_config: { ${typed("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")} } }]`;
  assert.match(
    (await problems(tcp(chain(source), "", proxies))).join("\n"),
    /asks for the address of the proxy in front \(direct_remote_ip\); expected remote_ip/,
  );
});

test("connections to a cluster come from the addresses that its bind config names, checks too, and TOML says so", async () => {
  const address = (text: string, port = 0): string => `{ address: "${text}", port_value: ${port} }`;
  const bound = (first: string, more = "[]"): string =>
    tcp(
      `[{ ${relays} }]`,
      `upstream_bind_config: { source_address: ${first}, extra_source_addresses: ${more} }
    health_checks: [{ tcp_health_check: {} }]`,
    );
  const { model } = await load(
    bound(
      address("192.0.2.1"),
      `[{ address: ${address("192.0.2.2")} }, { address: ${address("2001:db8::1")} }]`,
    ),
  );
  const [pool] = model.pools;
  assert.deepEqual(pool!.connect.sources, ["192.0.2.1", "2001:db8::1"]);
  assert.deepEqual(pool!.health.check!.sources, pool!.connect.sources);
  const again = await loadConfigText(modelToToml(model).text, { name: "umay.toml", directory: "/", env: {} });
  assert.deepEqual(again.model.pools[0]!.connect.sources, pool!.connect.sources);
  assert.deepEqual(again.model.pools[0]!.health.check!.sources, pool!.connect.sources);
  assert.equal((await load(bound(address("0.0.0.0")))).model.pools[0]!.connect.sources, undefined);
  assert.match((await problems(bound(address("192.0.2.1", 7))))[0]!, /port_value: expected 0/);
  assert.match((await problems(bound(address("a.test"))))[0]!, /expected an IP address of this machine/);
  const everywhere = `cluster_manager: { upstream_bind_config: { source_address: ${address("192.0.2.7")} } }`;
  const sourcesOf = async (text: string): Promise<unknown> =>
    (await load(`${text}\n${everywhere}`)).model.pools[0]!.connect.sources;
  assert.deepEqual(await sourcesOf(tcp(`[{ ${relays} }]`)), ["192.0.2.7"]);
  assert.deepEqual(await sourcesOf(bound(address("192.0.2.1"))), ["192.0.2.1"]);
  assert.equal(
    await sourcesOf(bound(address("0.0.0.0"))),
    undefined,
    "a cluster's own counts, also where it is none",
  );
});

test("idle connections to a cluster are probed after the time that it says, and of the rest there is a word", async () => {
  const probed = (options: string): string =>
    tcp(`[{ ${relays} }]`, `upstream_connection_options: { tcp_keepalive: { ${options} } }`);
  const { model, warnings } = await load(probed("keepalive_time: 30, keepalive_probes: 3"));
  assert.equal(model.pools[0]!.connect.keepAlive, 30_000);
  assert.match(warnings.join(), /keepalive_probes/);
  assert.match((await problems(probed("keepalive_time: 0")))[0]!, /expected 1 to 32767 seconds/);
});

test("parts of a cluster have ways on of their own, by the cluster or by a policy", async () => {
  const parts = `
      fallback_policy: DEFAULT_SUBSET
      default_subset: { v: 1 }
      panic_mode_any: true
      list_as_any: true
      metadata_fallback_policy: FALLBACK_LIST
      locality_weight_aware: true
      scale_locality_weight: true
      subset_selectors:
      - { keys: [v, v, stage], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [v] }
      - { keys: [v], fallback_policy: NO_FALLBACK }
      - { keys: [stage] }`;
  const poolOf = async (text: string) => (await load(tcp(`[{ ${relays} }]`, text))).model.pools[0]!;
  const byWeight = "common_lb_config: { locality_weighted_lb_config: {} }";
  const rule = {
    selectors: [
      { keys: ["v", "stage"], otherwise: { keys: ["v"] } },
      { keys: ["v"], otherwise: "none" },
      { keys: ["stage"] },
    ],
    otherwise: "usual",
    usual: { v: "1" },
    anyAtLast: true,
    listsAsAny: true,
    listsFallbacks: true,
    scalesLocalities: true,
  };
  const pool = await poolOf(`lb_subset_config:${parts}\n    ${byWeight}`);
  assert.deepEqual([pool.subsets, pool.localities], [rule, { by: "weight" }]);
  const plain = await poolOf(`lb_subset_config: { subset_selectors: [{ keys: [v] }] }\n    ${byWeight}`);
  assert.equal(plain.localities, undefined, "weights of localities do not count unless that is asked for");
  const wrong =
    "lb_subset_config: { subset_selectors: [{ keys: [v], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [v] }] }";
  assert.match((await problems(tcp(`[{ ${relays} }]`, wrong)))[0]!, /expected some of the keys, but not all/);
});

test("an option that keeps sockets to an interface is an error, and another one that counts is warned of", async () => {
  const options = (level: number, name: number): string =>
    `socket_options: [{ level: ${level}, name: ${name}, int_value: 1, state: STATE_PREBIND }]`;
  const ofListener = (level: number, name: number): string =>
    tcp(`[{ ${relays} }]`, "", options(level, name));
  assert.match((await problems(ofListener(1, 25)))[0]!, /socket_options\[0\]: .*network interface/);
  assert.match(
    (await problems(tcp(`[{ ${relays} }]`, `upstream_bind_config: { ${options(1, 25)} }`)))[0]!,
    /upstream_bind_config\.socket_options\[0\]: .*network interface/,
  );
  assert.match((await load(ofListener(1, 36))).warnings.join(), /has no effect: umay sets no option 1\/36/);
  assert.deepEqual((await load(ofListener(1, 9))).warnings, []);
});

test("ranges of whoever is connected are those of clients, unless a header names these, or other chains name them", async () => {
  const chain = (kind: string, name: string): string =>
    `{ name: ${name}, filter_chain_match: { ${kind}: [{ address_prefix: 10.0.0.0, prefix_len: 8 }] }, ${relays} }`;
  const direct = chain("direct_source_prefix_ranges", "d");
  const { model } = await load(tcp(`[${direct}]`));
  assert.deepEqual(model.listeners[0]!.chains[0]!.match.from, [
    { family: "ipv4", address: "10.0.0.0", prefix: 8 },
  ]);
  const header = `listener_filters: [{ name: p, typed_config: { ${typed("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")} } }]`;
  assert.match(
    (await problems(tcp(`[${direct}]`, "", header))).join(),
    /asks for the address of the proxy in front; expected source_prefix_ranges/,
  );
  assert.match(
    (await problems(tcp(`[${direct}, ${chain("source_prefix_ranges", "s")}]`))).join(),
    /stands in one listener with source_prefix_ranges/,
  );
});

test("filter chains for clients on this machine, and for others, stand in front of those for any", async () => {
  const chain = (type: string, name: string): string =>
    `{ name: ${name}, filter_chain_match: { source_type: ${type} }, ${relays} }`;
  const { model } = await load(
    tcp(`[${chain("ANY", "any")}, ${chain("EXTERNAL", "far")}, ${chain("SAME_IP_OR_LOOPBACK", "near")}]`),
  );
  assert.deepEqual(
    model.listeners[0]!.chains.map(({ name, match }) => [name.replace(/#.*/, ""), match.origin]),
    [
      ["far", ["elsewhere"]],
      ["near", ["here"]],
      ["any", undefined],
    ],
  );
});

test("endpoints are connected, and checked, as their metadata says, or that of their locality", async () => {
  const socket = (kind: string, more = ""): string =>
    `{ name: s, typed_config: { ${typed(`envoy.extensions.transport_sockets.${kind}`)}${more} } }`;
  const raw = socket("raw_buffer.v3.RawBuffer");
  const tls = socket("tls.v3.UpstreamTlsContext", ", sni: a.test");
  const header = socket(
    "proxy_protocol.v3.ProxyProtocolUpstreamTransport",
    `, config: { version: V2 }, transport_socket: ${raw}`,
  );
  const of = (more: string): string => `
static_resources:
  clusters:
  - name: a
    transport_socket_matches:
    - { name: tls, match: { tlsMode: istio }, transport_socket: ${tls} }
    - { name: header, match: { via: 1 }, transport_socket: ${header} }
    - { name: rest, match: {}, transport_socket: ${raw} }
    load_assignment:
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }
          metadata: { filter_metadata: { envoy.transport_socket_match: { tlsMode: istio } } }
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 2 } } }
      - metadata: { filter_metadata: { envoy.transport_socket_match: { via: 1 } } }
        lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 3 } } }
    ${more}`;
  const poolOf = async (more: string) => (await load(of(more))).model.pools[0]!;
  const pool = await poolOf("health_checks: [{ tcp_health_check: {} }]");
  assert.deepEqual(
    pool.transports!.map(({ labels, tls, proxyProtocol }) => [labels, tls?.serverName, proxyProtocol]),
    [
      [{ tlsMode: '"istio"' }, "a.test", undefined],
      [{ via: "1" }, undefined, "v2"],
      [{}, undefined, undefined],
    ],
  );
  assert.ok(pool.discovery.type === "static");
  assert.deepEqual(
    pool.discovery.backends.map(({ transportLabels }) => transportLabels),
    [[{ tlsMode: '"istio"' }], undefined, [{}, { via: "1" }]],
  );
  const words = (check: (typeof pool.health)["check"]) => check && [check.type, check.proxyProtocol];
  assert.deepEqual(words(pool.health.check), ["tcp", undefined]);
  assert.deepEqual(pool.health.checks!.map(words), [
    ["tls", undefined],
    ["tcp", "v2"],
    ["tcp", undefined],
  ]);
  const fixed = await poolOf(
    "health_checks: [{ tcp_health_check: {}, transport_socket_match_criteria: { tlsMode: istio } }]",
  );
  assert.deepEqual([words(fixed.health.check), fixed.health.checks], [["tls", undefined], undefined]);
  assert.match(
    (await problems(of("http2_protocol_options: {}")))[0]!,
    /has a PROXY header, which is of one client, and HTTP\/2/,
  );
  assert.match(modelToToml((await load(of(""))).model).text, /backends with certain labels/);
});
