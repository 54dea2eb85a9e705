import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfigText } from "../../../src/providers/toml/load.ts";
import { modelToToml } from "../../../src/providers/toml/write/write.ts";
import { runCommand } from "../../support/command.ts";
import { cluster, type EnvoyFile, httpFilter, loadFile, typed } from "../../support/envoy.ts";

/** The TOML of a file, read again, and what it leaves out. */
async function converted(file: EnvoyFile) {
  const { model } = await loadFile(file);
  const { text } = modelToToml(model);
  const { model: again } = await loadConfigText(text, { name: "umay.toml", directory: "/", env: {} });
  return { text, model, again, omitted: text.split("\n").filter((line) => line.startsWith("# left out")) };
}

const all = { default_value: { numerator: 100 } };

test("retries, mirrors, limits, tokens, CORS, compression and traces become TOML that means the same", async () => {
  const policy = typed("envoy.extensions.filters.http.cors.v3.CorsPolicy", {
    allow_origin_string_match: [{ exact: "https://a.test" }],
    allow_methods: "GET",
  });
  const { text, model, again, omitted } = await converted({
    clusters: [cluster("a", 4001), cluster("b", 4002)],
    manager: {
      tracing: {
        random_sampling: { value: 5 },
        provider: {
          name: "o",
          typed_config: typed("envoy.config.trace.v3.OpenTelemetryConfig", {
            http_service: {
              http_uri: { uri: "http://127.0.0.1:4318/v1/traces", cluster: "a", timeout: "1s" },
            },
          }),
        },
      },
    },
    filters: [
      httpFilter("cors.v3.Cors", {}, { name: "cors" }),
      httpFilter("buffer.v3.Buffer", { max_request_bytes: 1_000 }),
      httpFilter("compressor.v3.Compressor", {
        compressor_library: {
          name: "l",
          typed_config: typed("envoy.extensions.compression.gzip.compressor.v3.Gzip"),
        },
      }),
      httpFilter("local_ratelimit.v3.LocalRateLimit", {
        token_bucket: { max_tokens: 20, tokens_per_fill: 10, fill_interval: "1s" },
        filter_enabled: all,
        filter_enforced: all,
      }),
      httpFilter("jwt_authn.v3.JwtAuthentication", {
        providers: {
          p: {
            issuer: "https://i.test",
            audiences: ["me"],
            remote_jwks: { http_uri: { uri: "https://i.test/jwks", cluster: "a", timeout: "1s" } },
          },
        },
        rules: [{ match: { prefix: "/" }, requires: { provider_name: "p" } }],
      }),
    ],
    host: { typed_per_filter_config: { cors: policy } },
    routes: [
      {
        match: { prefix: "/" },
        route: {
          cluster: "a",
          retry_policy: { retry_on: "5xx", num_retries: 2, per_try_timeout: "1s" },
          request_mirror_policies: [{ cluster: "b", runtime_fraction: { default_value: { numerator: 10 } } }],
        },
      },
    ],
  });
  assert.deepEqual(omitted, [
    "# left out: rate_limits.l/filter_chains[0]/local_ratelimit.v3.LocalRateLimit: each route counts for itself here",
  ]);
  const routeOf = ({ routeTables }: typeof model) => routeTables[0]!.hosts[0]!.rules[0]!.route;
  const [route, written] = [routeOf(model), routeOf(again)];
  for (const key of ["retry", "mirrors", "maxBody", "compress", "trace", "timeouts"] as const)
    assert.deepEqual(written[key], route[key], key);
  assert.equal(route.retry.statuses.length, 100);
  assert.match(text, /"500-599"/);
  assert.deepEqual({ ...written.cors, originTests: [] }, route.cors);
  assert.deepEqual(again.routeTables[0]!.guards.map(({ kind }) => kind).sort(), ["jwt", "rate-limit"]);
  const [limit] = again.routeTables[0]!.guards.filter((guard) => guard.kind === "rate-limit");
  assert.deepEqual([limit!.burst, limit!.rate], [20, { requests: 10, period: 1_000 }]);
  assert.equal(again.otlp?.traces, model.otlp?.traces);
});

test("breakers, ejections and versions of HTTP become TOML that means the same", async () => {
  const { model, again, omitted } = await converted({
    clusters: [
      cluster("a", 4001, {
        circuit_breakers: { thresholds: [{ max_connections: 10, max_pending_requests: 5, max_retries: 2 }] },
        outlier_detection: {
          consecutive_5xx: 7,
          success_rate_minimum_hosts: 3,
          enforcing_failure_percentage: 100,
          base_ejection_time: "10s",
          always_eject_one_host: true,
        },
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            { use_downstream_protocol_config: {} },
          ),
        },
      }),
    ],
  });
  assert.deepEqual(omitted, []);
  const [pool, written] = [model.pools[0]!, again.pools[0]!];
  assert.equal(pool.maxConnections, 10);
  assert.deepEqual([pool.queue.size, pool.connect.retryBudget], [5, { percent: 0, min: 2 }]);
  assert.equal(pool.http.version, "client");
  for (const key of ["maxConnections", "queue", "connect", "health"] as const)
    assert.deepEqual(written[key], pool[key], key);
  assert.equal(written.http.version, "client");
});

test("rates for descriptors become rates of a limit in TOML, as far as it has words for them", async () => {
  const bucket = (most: number): object => ({ max_tokens: most, tokens_per_fill: 2, fill_interval: "1s" });
  const header = { request_headers: { header_name: "x-tier", descriptor_key: "tier" } };
  const { again, omitted } = await converted({
    filters: [
      httpFilter("local_ratelimit.v3.LocalRateLimit", {
        token_bucket: bucket(20),
        filter_enabled: all,
        filter_enforced: all,
        always_consume_default_token_bucket: false,
        descriptors: [
          { entries: [{ key: "tier", value: "gold" }], token_bucket: bucket(7) },
          { entries: [{ key: "tier", value: "of mine" }], token_bucket: bucket(8) },
          { entries: [{ key: "tier" }], token_bucket: bucket(9) },
        ],
        rate_limits: [{ actions: [header] }],
      }),
    ],
  });
  const [limit] = again.routeTables[0]!.guards.filter((guard) => guard.kind === "rate-limit");
  const tier = { kind: "header", name: "x-tier" };
  const rate = { requests: 2, period: 1_000 };
  assert.deepEqual(limit!.rates, [
    [
      { key: [{ ...tier, is: "gold" }], name: "header:x-tier=gold", rate, burst: 7, cost: 1 },
      { key: [tier], name: "header:x-tier", rate, burst: 9, cost: 1 },
    ],
  ]);
  assert.deepEqual(
    omitted.map((text) => text.replace(/^.*LocalRateLimit: /, "")),
    ["each route counts for itself here", "rates for requests that TOML can't describe"],
  );
});

test("what TOML can't say is told", async () => {
  const rules = { rules: { policies: { p: { permissions: [{ any: true }], principals: [{ any: true }] } } } };
  const { omitted } = await converted({
    filters: [httpFilter("rbac.v3.RBAC", rules)],
    manager: {
      xff_num_trusted_hops: 1,
      access_log: [
        {
          name: "f",
          typed_config: typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", { path: "/a.log" }),
        },
      ],
    },
    routes: [
      {
        match: {
          prefix: "/",
          headers: [{ name: ":authority", string_match: { exact: "a" } }],
          runtime_fraction: { default_value: { numerator: 5 } },
        },
        route: { cluster: "a" },
        request_headers_to_add: [{ header: { key: "x", value: "1" }, append_action: "ADD_IF_ABSENT" }],
      },
      { match: { prefix: "/b" }, redirect: { https_redirect: true, strip_query: true } },
    ],
  });
  const told = omitted.join("\n");
  for (const expected of [
    /its own logs/,
    /2 proxies are believed/,
    /no words for it/,
    /condition on :authority/,
    /5 % of the requests/,
    /changes of x/,
    /the query changes/,
  ])
    assert.match(told, expected);
});

test("umay convert says with its exit code that a control plane would have said more", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-convert-"));
  const file = join(dir.path, "envoy.yaml");
  const fixed = "static_resources: { clusters: [] }\n";
  const ends = async (text: string): Promise<readonly unknown[]> => {
    writeFileSync(file, text);
    const { code, stdout } = await runCommand(["convert", file]);
    return [code, stdout.split("\n").filter((line) => line.startsWith("# left out"))];
  };
  assert.deepEqual(await ends(fixed), [0, []]);
  assert.deepEqual(await ends(`${fixed}dynamic_resources: {}\n`), [
    1,
    ["# left out: envoy.yaml:2:20: dynamic_resources: what the control plane says is not known here"],
  ]);
});
