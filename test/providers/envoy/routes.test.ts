import assert from "node:assert/strict";
import { test } from "node:test";
import { cluster, loadFile, loadRoutes, loadTable, problemsOf, typed } from "../../support/envoy.ts";

const toA = { cluster: "a" };
const any = { prefix: "/" };

test("a route retries as its own policy says, else as its virtual host's, else only what is safe", async () => {
  const [own, hosts] = await loadRoutes({
    host: { retry_policy: { retry_on: "reset,retriable-status-codes", retriable_status_codes: [418] } },
    routes: [
      {
        match: { prefix: "/a" },
        route: {
          ...toA,
          retry_policy: {
            retry_on: "5xx, connect-failure, unavailable",
            num_retries: 3,
            per_try_timeout: "2s",
            retry_back_off: { base_interval: "0.1s", max_interval: "1s" },
          },
        },
        per_request_buffer_limit_bytes: 1_000,
      },
      { match: any, route: toA },
    ],
  });
  assert.equal(own!.retry.attempts, 3);
  assert.deepEqual(own!.retry.backoff, { base: 100, max: 1_000 });
  assert.equal(own!.retry.buffer, 1_000);
  assert.equal(own!.retry.statuses.length, 100);
  assert.equal(own!.timeouts.try, 2_000);
  assert.ok(own!.retry.on.includes("reset") && own!.retry.on.includes("grpc-unavailable"));
  assert.deepEqual(hosts!.retry.statuses, [418]);
  assert.deepEqual([hosts!.retry.attempts, hosts!.retry.methods], [1, "all"]);
  const [plain] = await loadRoutes({});
  assert.deepEqual([plain!.retry.statuses, plain!.retry.buffer], [[], 0]);
  assert.match(
    (
      await problemsOf({ routes: [{ match: any, route: { ...toA, retry_policy: { retry_on: "5xy" } } }] })
    )[0]!,
    /has "5xy", which is no cause/,
  );
});

test("a prefix that would end the line of a request is an error", async () => {
  for (const prefix_rewrite of ["/a b", "/a\r\nx: y", "/č"])
    assert.match(
      (await problemsOf({ routes: [{ match: any, route: { ...toA, prefix_rewrite } }] }))[0]!,
      /a character that no path has/,
    );
});

test("mirrors are the route's, else its host's, else its table's; a part of requests may be mirrored", async () => {
  const clusters = [cluster("a", 1), cluster("b", 2), cluster("c", 3)];
  const share = { default_value: { numerator: 5, denominator: "TEN_THOUSAND" } };
  const [own, hosts] = await loadRoutes({
    clusters,
    host: { request_mirror_policies: [{ cluster: "c" }] },
    routes: [
      {
        match: { prefix: "/a" },
        route: { ...toA, request_mirror_policies: [{ cluster: "b", runtime_fraction: share }] },
      },
      { match: any, route: toA },
    ],
  });
  assert.deepEqual(
    own!.mirrors.map(({ pool, percent }) => [pool, percent]),
    [["b", 0.05]],
  );
  assert.deepEqual(
    hosts!.mirrors.map(({ pool, percent }) => [pool, percent]),
    [["c", 100]],
  );
  assert.match(
    (
      await problemsOf({
        routes: [{ match: any, route: { ...toA, request_mirror_policies: [{ cluster: "x" }] } }],
      })
    ).join(),
    /there is no cluster "x"/,
  );
});

test("changes of fields are made level by level, the most general last, or first where the table says so", async () => {
  const add = (key: string, value: string, append_action?: string): object => ({
    header: { key, value },
    append_action,
  });
  const file = {
    table: { request_headers_to_add: [add("x", "table", "OVERWRITE_IF_EXISTS_OR_ADD")] },
    host: {
      request_headers_to_add: [add("y", "host"), add("w", "host", "ADD_IF_ABSENT")],
      request_headers_to_remove: ["z"],
    },
    routes: [
      {
        match: any,
        route: toA,
        request_headers_to_add: [
          add("x", "route", "OVERWRITE_IF_EXISTS_OR_ADD"),
          add("y", "route"),
          add("z", "route"),
          add("v", "route", "OVERWRITE_IF_EXISTS"),
        ],
      },
    ],
  };
  const [route] = await loadRoutes(file);
  const { set, add: added, remove, more } = route!.requestFields;
  assert.deepEqual(set, { x: ["table"] });
  assert.deepEqual(added, { y: ["route"] });
  assert.deepEqual(remove, ["x-forwarded-client-cert", "z"]);
  assert.deepEqual(more, [
    { name: "y", value: ["host"], when: "always" },
    { name: "v", value: ["route"], when: "present" },
    { name: "w", value: ["host"], when: "absent" },
  ]);
  const [specific] = await loadRoutes({
    ...file,
    table: { ...file.table, most_specific_header_mutations_wins: true },
  });
  assert.deepEqual(specific!.requestFields.set["x"], ["route"]);
  assert.deepEqual(specific!.requestFields.set["z"], ["route"]);
});

test("weighted clusters change fields and the host by themselves", async () => {
  const [route] = await loadRoutes({
    clusters: [cluster("a", 1), cluster("b", 2)],
    routes: [
      {
        match: any,
        response_headers_to_add: [{ header: { key: "x-all", value: "1" } }],
        route: {
          weighted_clusters: {
            clusters: [
              { name: "a", weight: 1 },
              {
                name: "b",
                weight: 3,
                host_rewrite_literal: "b.test",
                response_headers_to_add: [{ header: { key: "x-b", value: "1" } }],
              },
            ],
          },
        },
      },
    ],
  });
  assert.ok(route!.action.kind === "pools");
  assert.deepEqual(
    route!.action.changes?.map(({ pool, host, responseFields }) => [
      pool,
      host,
      Object.keys(responseFields.add),
    ]),
    [["b", "b.test", ["x-b", "x-all"]]],
  );
});

test("a request lives no longer than its timeout, nor than a stream may", async () => {
  const [route, long] = await loadRoutes({
    manager: { common_http_protocol_options: { max_stream_duration: "8s" } },
    routes: [
      {
        match: { prefix: "/a" },
        route: { ...toA, timeout: "0s", max_stream_duration: { max_stream_duration: "3s" } },
      },
      { match: any, route: toA },
    ],
  });
  assert.deepEqual([route!.timeouts.request, long!.timeouts.request], [3_000, 8_000]);
});

test("a request has no more fields than umay takes, and a file that lets it have more is told", async () => {
  const { model, warnings } = await loadFile({
    manager: { common_http_protocol_options: { max_headers_count: 1_000 } },
  });
  const { serve } = model.listeners[0]!.chains[0]!;
  assert.equal(serve.kind === "http" && serve.front.limits.fields, 256);
  assert.match(warnings.join("\n"), /max_headers_count.* is 256: umay takes no more fields/);
});

test("redirects leave the query out, or bring their own; templates of paths are matched and rewritten", async () => {
  const [strip, query, regex, template] = await loadRoutes({
    routes: [
      { match: { prefix: "/a" }, redirect: { https_redirect: true, strip_query: true } },
      { match: { prefix: "/b" }, redirect: { path_redirect: "/c?d=1" } },
      {
        match: { prefix: "/c" },
        redirect: { regex_rewrite: { pattern: { regex: "/c/(.*)" }, substitution: "/d/\\1" } },
      },
      {
        match: {
          path_match_policy: {
            name: "t",
            typed_config: typed("envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", {
              path_template: "/m/{land}/{rest=**}",
            }),
          },
        },
        route: {
          ...toA,
          path_rewrite_policy: {
            name: "t",
            typed_config: typed("envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig", {
              path_template_rewrite: "/{rest}/of/{land}",
            }),
          },
        },
      },
    ],
  });
  const redirects = [strip, query, regex].map(
    (route) => route!.action.kind === "redirect" && route!.action.redirect,
  );
  assert.deepEqual(
    redirects.map((redirect) => redirect && [redirect.path, redirect.query]),
    [
      [undefined, ""],
      [{ kind: "path", path: "/c" }, "?d=1"],
      [{ kind: "regex", pattern: "/c/(.*)", replacement: "/d/$1", all: true }, undefined],
    ],
  );
  assert.equal(template!.rewrite.path?.kind === "regex" && template!.rewrite.path.replacement, "/$2/of/$1");
});

test("matches know ranges, cookies, pseudo-headers, missing values and a part of all requests", async () => {
  const table = await loadTable({
    routes: [
      {
        match: {
          prefix: "/",
          headers: [
            { name: "x-size", range_match: { start: 1, end: 10 } },
            { name: ":authority", string_match: { suffix: ".test" }, treat_missing_header_as_empty: true },
            { name: ":method", string_match: { exact: "GET" } },
          ],
          cookies: [{ name: "session", string_match: { prefix: "a" }, invert_match: true }],
          runtime_fraction: { default_value: { numerator: 25 } },
        },
        route: toA,
      },
    ],
  });
  const { match } = table.hosts[0]!.rules[0]!;
  assert.deepEqual(match.methods, ["GET"]);
  assert.equal(match.percent, 25);
  assert.deepEqual(
    match.headers.map(({ name, test: { kind }, not, missing, cookie }) => [name, kind, not, missing, cookie]),
    [
      ["x-size", "range", false, undefined, undefined],
      [":authority", "suffix", false, "empty", undefined],
      ["cookie", "prefix", true, undefined, "session"],
    ],
  );
});

test("require_tls sends clients without TLS to where there is", async () => {
  const { model } = await loadFile({ host: { require_tls: "ALL" } });
  const [only, ...others] = model.routeTables[0]!.hosts[0]!.rules.map(({ route }) => route);
  assert.equal(others.length, 0);
  assert.equal(only!.action.kind === "redirect" && only!.action.redirect.scheme, "https");
});

test("domains may begin with a name", async () => {
  const table = await loadTable({ host: { domains: ["a.test", "*.b.test", "c.*"] } });
  assert.deepEqual(
    table.hosts.map(({ name }) => name),
    ["a.test", "*.b.test", "c.*"],
  );
});

test("backends and clients are told of attempts, and what every control plane says is taken without a warning", async () => {
  const { model, warnings } = await loadFile({
    host: { include_request_attempt_count: true, include_attempt_count_in_response: true },
    manager: {
      scheme_header_transformation: { match_upstream: true },
      merge_slashes: true,
      http2_protocol_options: { allow_connect: true },
    },
    routes: [
      {
        match: { prefix: "/a" },
        route: { ...toA, max_stream_duration: { grpc_timeout_header_max: "0s" } },
        request_headers_to_add: [{ header: { key: "x-empty", value: "" }, keep_empty_value: false }],
      },
      { match: any, direct_response: { status: 204 } },
    ],
  });
  assert.deepEqual(warnings, []);
  const { serve } = model.listeners[0]!.chains[0]!;
  assert.equal(serve.kind === "http" && serve.front.mergesSlashes, true);
  const set = { "x-envoy-attempt-count": [{ variable: "attempt" }] };
  const rules = model.routeTables[0]!.hosts[0]!.rules.map(({ route }) => route);
  assert.deepEqual(
    rules.map(({ requestFields, responseFields }) => [requestFields.set, responseFields.set]),
    [
      [set, set],
      [{}, {}],
    ],
  );
  const { warnings: told } = await loadFile({
    routes: [
      {
        match: any,
        route: { ...toA, max_stream_duration: { grpc_timeout_header_max: "3s" } },
        request_headers_to_add: [{ header: { key: "x-empty", value: "" }, keep_empty_value: true }],
      },
    ],
  });
  assert.match(
    told.join("\n"),
    /grpc_timeout_header_max: has no effect[\s\S]*keep_empty_value: has no effect/,
  );
  const overwrites = { scheme_header_transformation: { scheme_to_overwrite: "https" } };
  assert.match((await problemsOf({ manager: overwrites }))[0]!, /the scheme is that of the connection/);
});

test("traces go to OpenTelemetry, as many as the route or the listener says", async () => {
  const provider = (config: object): object => ({
    name: "o",
    typed_config: typed("envoy.config.trace.v3.OpenTelemetryConfig", config),
  });
  const uri = { uri: "http://127.0.0.1:4318/v1/traces", cluster: "a", timeout: "1s" };
  const tracing = {
    random_sampling: { value: 7 },
    client_sampling: { value: 100 },
    overall_sampling: { value: 100 },
    provider: provider({ http_service: { http_uri: uri }, service_name: "edge" }),
  };
  const { model, warnings } = await loadFile({
    manager: { tracing },
    routes: [
      {
        match: { prefix: "/a" },
        route: toA,
        tracing: { random_sampling: { numerator: 50 }, overall_sampling: { numerator: 20 } },
      },
      { match: any, route: toA },
    ],
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    [model.otlp?.traces, model.otlp?.metrics, model.otlp?.serviceName, model.log.traced],
    ["http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/metrics", "edge", 0],
  );
  assert.deepEqual(
    model.routeTables[0]!.hosts[0]!.rules.map(({ route }) => route.trace?.percent),
    [10, 7],
  );
  const overGrpc = (name: string): Promise<Awaited<ReturnType<typeof loadFile>>> =>
    loadFile({
      manager: { tracing: { provider: provider({ grpc_service: { envoy_grpc: { cluster_name: name } } }) } },
    });
  const { otlp } = (await overGrpc("a")).model;
  assert.deepEqual(
    [otlp?.protocol, otlp?.traces],
    ["grpc", "http://127.0.0.1:4001/opentelemetry.proto.collector.trace.v1.TraceService/Export"],
  );
  assert.match((await overGrpc("b")).warnings.join(), /traces go to the cluster of envoy_grpc/);
});

test("local replies have texts of their own, by their status", async () => {
  const filter = (op: string, value: number): object => ({
    status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: "x" } } },
  });
  const good = await loadFile({
    manager: {
      local_reply_config: {
        mappers: [{ filter: filter("EQ", 404), status_code: 410, body: { inline_string: "gone" } }],
      },
    },
  });
  const { serve } = good.model.listeners[0]!.chains[0]!;
  assert.ok(serve.kind === "http");
  assert.deepEqual(
    serve.front.errors.map(({ from, to, status, content }) => [
      from,
      to,
      status,
      Buffer.from(content.bytes).toString(),
    ]),
    [[404, 404, 410, "gone"]],
  );
});

test("a field of the request may name the cluster, and then none is unused", async () => {
  const [route] = await loadRoutes({
    clusters: [cluster("a", 1), cluster("b", 2)],
    routes: [{ match: any, route: { cluster_header: "X-Cluster" } }],
  });
  assert.deepEqual(route!.action, { kind: "pools", to: [], field: "x-cluster" });
});
