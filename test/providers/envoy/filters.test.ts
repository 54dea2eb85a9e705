import assert from "node:assert/strict";
import { test } from "node:test";
import type { Guard } from "../../../src/model/http/guard.ts";
import {
  cluster,
  type EnvoyFile,
  httpFilter,
  loadFile,
  loadRoutes,
  loadTable,
  problemsOf,
  typed,
} from "../../support/envoy.ts";

const toA = { cluster: "a" };
const any = { prefix: "/" };
const extension = (kind: string, fields: object = {}): object =>
  typed(`envoy.extensions.filters.http.${kind}`, fields);
const all = { default_value: { numerator: 100 } };

/** The only guard of a file's table. */
async function guardOf<Kind extends Guard["kind"]>(
  file: EnvoyFile,
  kind: Kind,
): Promise<Extract<Guard, { kind: Kind }>> {
  const { guards } = await loadTable(file);
  assert.equal(guards.length, 1);
  assert.equal(guards[0]!.kind, kind);
  return guards[0] as Extract<Guard, { kind: Kind }>;
}

test("a local rate limit is one bucket for the routes that share it, and a route may have its own", async () => {
  const bucket = (max_tokens: number): object => ({
    token_bucket: { max_tokens, tokens_per_fill: 10, fill_interval: "60s" },
    filter_enabled: all,
    filter_enforced: all,
    status: { code: "ServiceUnavailable" },
    response_headers_to_add: [{ header: { key: "x-limited", value: "yes" } }],
  });
  const { guards, hosts } = await loadTable({
    filters: [httpFilter("local_ratelimit.v3.LocalRateLimit", bucket(20), { name: "limit" })],
    routes: [
      { match: { prefix: "/a" }, route: toA },
      {
        match: { prefix: "/b" },
        route: toA,
        typed_per_filter_config: { limit: extension("local_ratelimit.v3.LocalRateLimit", bucket(5)) },
      },
      {
        match: { prefix: "/c" },
        route: toA,
        typed_per_filter_config: { limit: typed("envoy.config.route.v3.FilterConfig", { disabled: true }) },
      },
      { match: any, route: toA },
    ],
  });
  assert.deepEqual(
    guards.map(
      (guard) => guard.kind === "rate-limit" && [guard.name, guard.burst, guard.rate, guard.refusal],
    ),
    [
      [
        "rate_limits.l/filter_chains[0]/limit",
        20,
        { requests: 10, period: 60_000 },
        { status: 503, lines: "x-limited: yes\r\n" },
      ],
      [
        "rate_limits.l/filter_chains[0]/limit#2",
        5,
        { requests: 10, period: 60_000 },
        { status: 503, lines: "x-limited: yes\r\n" },
      ],
    ],
  );
  const names = guards.map(({ name }) => name);
  assert.deepEqual(
    hosts[0]!.rules.map(({ route }) => route.guards),
    [[[names[0]]], [[names[1]]], [], [[names[0]]]],
  );
});

test("fields of a rate limit's answer are sent as UTF-8, and have no variables", async () => {
  const filters = (value: string) => [
    httpFilter("local_ratelimit.v3.LocalRateLimit", {
      token_bucket: { max_tokens: 1, fill_interval: "1s" },
      filter_enabled: all,
      filter_enforced: all,
      response_headers_to_add: [{ header: { key: "x-limited", value } }],
    }),
  ];
  const limit = await guardOf({ filters: filters("č") }, "rate-limit");
  assert.equal(limit.refusal?.lines, "x-limited: \xc4\x8d\r\n");
  assert.match((await problemsOf({ filters: filters("%REQ(x-a)%") }))[0]!, /values without variables/);
});

test("a rate limit that is not enforced limits nothing, as in Envoy", async () => {
  const config = { token_bucket: { max_tokens: 1, fill_interval: "1s" }, filter_enabled: all };
  const routes = [
    { match: { prefix: "/a" }, route: toA },
    { match: any, route: toA },
  ];
  const { model, warnings } = await loadFile({
    filters: [httpFilter("local_ratelimit.v3.LocalRateLimit", config)],
    routes,
  });
  assert.deepEqual(model.routeTables[0]!.guards, []);
  assert.match(
    warnings.join("\n"),
    /^[^\n]*token_bucket: limits nothing, as in Envoy: there is no filter_enforced$/,
  );
  const off = { ...config, filter_enforced: { default_value: { numerator: 0 } } };
  assert.deepEqual(
    (await loadFile({ filters: [httpFilter("local_ratelimit.v3.LocalRateLimit", off)] })).warnings,
    [],
  );
  const half = { ...config, filter_enforced: { default_value: { numerator: 50 } } };
  const quarter = { filter_enabled: { default_value: { numerator: 25 } }, filter_enforced: all };
  const told = {
    request_headers_to_add_when_not_enforced: [
      { header: { key: "x-a", value: "1" } },
      { header: { key: "x-b", value: "2" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
    ],
  };
  const limitOf = (changes: object) =>
    guardOf({ filters: [httpFilter("local_ratelimit.v3.LocalRateLimit", changes)] }, "rate-limit");
  const shares = [half, { ...config, ...quarter }, { ...off, ...told }].map(limitOf);
  assert.deepEqual(
    (await Promise.all(shares)).map(({ counted, enforced, spared }) => [counted, enforced, spared]),
    [
      [undefined, 50, undefined],
      [25, undefined, undefined],
      [undefined, 0, { lines: "x-b: 2\r\nx-a: 1\r\n", replaces: ["x-b"] }],
    ],
  );
});

test("policies of RBAC are rules about headers, paths, addresses, ports, names and certificates", async () => {
  const config = {
    rules: {
      action: "DENY",
      policies: {
        b: {
          permissions: [{ any: true }],
          principals: [{ remote_ip: { address_prefix: "10.0.0.0", prefix_len: 8 } }],
        },
        a: {
          permissions: [
            {
              and_rules: {
                rules: [
                  { url_path: { path: { prefix: "/admin" } } },
                  { not_rule: { header: { name: "x-ok", present_match: true } } },
                ],
              },
            },
            { destination_port: 8443 },
          ],
          principals: [
            { authenticated: { principal_name: { exact: "spiffe://a" } } },
            { or_ids: { ids: [{ any: true }] } },
          ],
        },
      },
    },
  };
  const guard = await guardOf({ filters: [httpFilter("rbac.v3.RBAC", config)] }, "rules");
  assert.equal(guard.otherwise, true);
  assert.deepEqual(
    guard.rules.map(({ name, allows, when }) => [name, allows, when.kind]),
    [
      ["a", false, "all"],
      ["b", false, "all"],
    ],
  );
  const [, b] = guard.rules;
  assert.deepEqual(b!.when, {
    kind: "all",
    of: [
      { kind: "some", of: [{ kind: "any" }] },
      {
        kind: "some",
        of: [{ kind: "client", ranges: [{ family: "ipv4", address: "10.0.0.0", prefix: 8 }] }],
      },
    ],
  });
  const cel = {
    rules: { policies: { p: { permissions: [{ any: true }], principals: [{ any: true }], condition: {} } } },
  };
  assert.match(
    (await problemsOf({ filters: [httpFilter("rbac.v3.RBAC", cel)] })).join(),
    /conditions in CEL are not evaluated/,
  );
});

test("a route's RBAC in the form of a matcher replaces the filter's, as Envoy Gateway writes it", async () => {
  const action = (name: string, does: string): object => ({
    action: { name, typed_config: typed("envoy.config.rbac.v3.Action", { name, action: does }) },
  });
  const rbac = {
    matcher: {
      matcher_list: {
        matchers: [
          {
            predicate: {
              single_predicate: {
                input: {
                  name: "ip",
                  typed_config: typed("envoy.extensions.matching.common_inputs.network.v3.SourceIPInput"),
                },
                custom_match: {
                  name: "m",
                  typed_config: typed("envoy.extensions.matching.input_matchers.ip.v3.Ip", {
                    cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }],
                  }),
                },
              },
            },
            on_match: action("local", "ALLOW"),
          },
        ],
      },
      on_no_match: action("default", "DENY"),
    },
  };
  const guard = await guardOf(
    {
      filters: [httpFilter("rbac.v3.RBAC", {}, { name: "r" })],
      host: { typed_per_filter_config: { r: extension("rbac.v3.RBACPerRoute", { rbac }) } },
    },
    "rules",
  );
  assert.deepEqual(
    [guard.otherwise, guard.rules.map(({ name, allows, when }) => [name, allows, when.kind])],
    [false, [["local", true, "client"]]],
  );
});

test("CORS is a policy of routes and hosts; its filter alone does nothing", async () => {
  const policy = {
    allow_origin_string_match: [
      { exact: "https://A.test" },
      { safe_regex: { regex: "https://.*\\.b\\.test" } },
    ],
    allow_methods: "GET, PUT",
    allow_headers: "X-One,x-two",
    expose_headers: "x-three",
    max_age: "60",
    allow_credentials: true,
  };
  const [own, plain] = await loadRoutes({
    filters: [httpFilter("cors.v3.Cors", {}, { name: "c" })],
    routes: [
      {
        match: { prefix: "/a" },
        route: toA,
        typed_per_filter_config: { c: extension("cors.v3.CorsPolicy", policy) },
      },
      { match: any, route: toA },
    ],
  });
  assert.equal(plain!.cors, undefined);
  assert.deepEqual(own!.cors, {
    origins: ["https://a.test"],
    originTests: [{ kind: "regex", value: "https://.*\\.b\\.test", ignoreCase: false }],
    methods: ["GET", "PUT"],
    headers: ["x-one", "x-two"],
    expose: ["x-three"],
    credentials: true,
    maxAge: 60_000,
  });
});

test("an authorisation server is asked about the request as it came, and refuses with 403 where it is away", async () => {
  const service = {
    server_uri: { uri: "http://auth", cluster: "a", timeout: "0.5s" },
    path_prefix: "/check",
    authorization_response: { allowed_upstream_headers: { patterns: [{ exact: "X-User" }] } },
  };
  const guard = await guardOf(
    { filters: [httpFilter("ext_authz.v3.ExtAuthz", { http_service: service })] },
    "forward",
  );
  assert.deepEqual(
    [guard.pool, guard.path, guard.asks, guard.copy, guard.timeout, guard.onFailure, guard.failureStatus],
    ["a", "/check", "same", ["x-user"], 500, "refuse", 403],
  );
  const grpc = {
    grpc_service: { envoy_grpc: { cluster_name: "a" }, timeout: "1s" },
    failure_mode_allow: true,
  };
  assert.equal(guard.share, undefined);
  const share = { filter_enabled: { default_value: { numerator: 5 } } };
  for (const [more, others] of [
    [{}, "pass"],
    [{ deny_at_disable: { default_value: true, runtime_key: "k" } }, "refuse"],
  ] as const) {
    const config = { http_service: service, ...share, ...more };
    const some = await guardOf({ filters: [httpFilter("ext_authz.v3.ExtAuthz", config)] }, "forward");
    assert.deepEqual(some.share, { percent: 5, others });
  }
  const called = await guardOf({ filters: [httpFilter("ext_authz.v3.ExtAuthz", grpc)] }, "forward");
  assert.deepEqual(
    [called.pool, called.asks, called.timeout, called.onFailure],
    ["a", "grpc", 1_000, "pass"],
  );
  assert.match(
    (await problemsOf({ filters: [httpFilter("ext_authz.v3.ExtAuthz", { grpc_service: {} })] }))[0]!,
    /expected http_service, or grpc_service with the cluster/,
  );
});

test("an authorisation server sees and sets the fields that it may, and has settings of each route", async () => {
  const grpc = (more: object): object => ({ grpc_service: { envoy_grpc: { cluster_name: "a" } }, ...more });
  const filter = (config: object): EnvoyFile => ({
    filters: [httpFilter("ext_authz.v3.ExtAuthz", config, { name: "z" })],
  });
  const exact = (value: string) => ({ kind: "exact", value, ignoreCase: false });
  const authOf = (config: object) => guardOf(filter(config), "forward");

  const plain = await authOf(grpc({}));
  assert.deepEqual(
    [plain.sees, plain.body, plain.reroutes, plain.marksFailure],
    [undefined, undefined, undefined, false],
  );
  const full = await authOf(
    grpc({
      with_request_body: { max_request_bytes: 100, allow_partial_message: true, pack_as_bytes: true },
      allowed_headers: { patterns: [{ exact: "x-a" }] },
      disallowed_headers: { patterns: [{ prefix: "x-b" }] },
      include_peer_certificate: true,
      include_tls_session: true,
      failure_mode_allow_header_add: true,
      validate_mutations: true,
    }),
  );
  assert.deepEqual(full.body, { most: 100, mayBePart: true, asBytes: true });
  assert.deepEqual(full.sees, { only: [exact("x-a")], never: [{ ...exact("x-b"), kind: "prefix" }] });
  assert.deepEqual(full.tells, { context: {}, certificate: true, serverName: true });
  assert.deepEqual([full.marksFailure, full.strict], [true, true]);

  const http = await authOf({
    http_service: {
      server_uri: { uri: "http://auth", cluster: "a", timeout: "0.5s" },
      authorization_request: { headers_to_add: [{ key: "X-Own", value: "1" }] },
      authorization_response: {
        allowed_upstream_headers: { patterns: [{ exact: "X-User" }, { prefix: "x-u-" }] },
        allowed_client_headers: { patterns: [{ exact: "x-why" }] },
      },
    },
    clear_route_cache: true,
  });
  assert.deepEqual([http.lines, http.reroutes, http.copy], ["x-own: 1\r\n", true, []]);
  assert.deepEqual(http.sees?.only, [exact("authorization")]);
  assert.deepEqual(http.passes?.refused, ["x-why", "location", "www-authenticate"].map(exact));

  const own = (check: object): object => ({
    match: { prefix: "/" },
    route: { cluster: "a" },
    typed_per_filter_config: {
      z: typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", { check_settings: check }),
    },
  });
  const settings = async (check: object) => {
    const { guards } = await loadTable({
      ...filter(grpc({ with_request_body: { max_request_bytes: 5 } })),
      routes: [own(check)],
    });
    const [guard] = guards;
    assert.ok(guard?.kind === "forward");
    return guard;
  };
  assert.deepEqual((await settings({ context_extensions: { a: "1" } })).tells?.context, { a: "1" });
  assert.equal((await settings({ disable_request_body_buffering: true })).body, undefined);
  assert.equal((await settings({ with_request_body: { max_request_bytes: 7 } })).body?.most, 7);
  const asked = { server_uri: { uri: "http://b", cluster: "a", timeout: "1s" }, path_prefix: "/b" };
  assert.deepEqual((await settings({ http_service: asked })).path, "/b");
  assert.match(
    (await problemsOf(filter(grpc({ with_request_body: {} }))))[0]!,
    /expected max_request_bytes, at least 1/,
  );
});

const jwks = JSON.stringify({
  keys: [{ kty: "OKP", crv: "Ed25519", kid: "1", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }],
});
const provider = { issuer: "https://i.test", audiences: ["me"], local_jwks: { inline_string: jwks } };

test("tokens are required by the first rule that matches; a part of a route makes a rule before it", async () => {
  const config = {
    providers: {
      p: provider,
      q: { ...provider, from_headers: [{ name: "X-Token", value_prefix: "T " }], forward: true },
    },
    rules: [
      { match: { prefix: "/open/" } },
      {
        match: { prefix: "/api/" },
        requires: { requires_any: { requirements: [{ provider_name: "p" }, { provider_name: "q" }] } },
      },
    ],
  };
  const { hosts, guards } = await loadTable({
    filters: [httpFilter("jwt_authn.v3.JwtAuthentication", config)],
    routes: [
      { match: { prefix: "/api/v1/" }, route: toA },
      { match: { prefix: "/" }, route: toA },
    ],
  });
  const names = guards.map(({ name }) => name);
  assert.deepEqual(
    hosts[0]!.rules.map(({ match, route }) => [match.path?.value, route.guards]),
    [
      ["/api/v1/", [names]],
      ["/open/", []],
      ["/api/", [names]],
      ["/", []],
    ],
  );
  assert.deepEqual(
    guards.map((guard) => guard.kind === "jwt" && [guard.from, guard.issuer, guard.audience]),
    [
      [[{ kind: "bearer" }, { kind: "query", name: "access_token" }], ["https://i.test"], ["me"]],
      [[{ kind: "header", name: "x-token", prefix: "T " }], ["https://i.test"], ["me"]],
    ],
  );
});

test("a requirement may let in who has no token", async () => {
  const config = {
    providers: { p: { ...provider, claim_to_headers: [{ header_name: "X-Sub", claim_name: "sub" }] } },
    rules: [
      {
        match: any,
        requires: { requires_any: { requirements: [{ provider_name: "p" }, { allow_missing: {} }] } },
      },
    ],
  };
  const { hosts, guards } = await loadTable({
    filters: [httpFilter("jwt_authn.v3.JwtAuthentication", config)],
  });
  const { route } = hosts[0]!.rules[0]!;
  assert.equal(route.guards[0]!.length, 2);
  assert.deepEqual(
    guards.map(({ kind }) => kind),
    ["jwt", "rules"],
  );
  assert.deepEqual(route.requestFields.set["x-sub"], [{ claim: "sub" }]);
  assert.ok(route.requestFields.remove.includes("authorization"));
});

test("compressors add their codings; buffers limit bodies; mutations change fields; a health check answers by itself", async () => {
  const library = (kind: string): object => ({
    name: "l",
    typed_config: typed(`envoy.extensions.compression.${kind}`),
  });
  const [health, route] = await loadRoutes({
    filters: [
      httpFilter("health_check.v3.HealthCheck", {
        pass_through_mode: false,
        headers: [{ name: ":path", string_match: { exact: "/healthz" } }],
      }),
      httpFilter(
        "compressor.v3.Compressor",
        { compressor_library: library("gzip.compressor.v3.Gzip") },
        { name: "gzip" },
      ),
      httpFilter(
        "compressor.v3.Compressor",
        {
          compressor_library: library("brotli.compressor.v3.Brotli"),
          response_direction_config: {
            common_config: { min_content_length: 100, content_type: ["text/html"] },
          },
        },
        { name: "br" },
      ),
      httpFilter("buffer.v3.Buffer", { max_request_bytes: 1_000 }),
      httpFilter("header_mutation.v3.HeaderMutation", {
        mutations: {
          request_mutations: [{ remove: "x-a" }, { append: { header: { key: "x-b", value: "%PROTOCOL%" } } }],
          response_mutations: [
            { append: { header: { key: "x-c", value: "1" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" } },
          ],
        },
      }),
    ],
  });
  assert.deepEqual(
    [health!.action.kind, health!.action.kind === "respond" && health!.action.status],
    ["respond", 200],
  );
  assert.deepEqual(route!.compress?.codings, ["br", "gzip"]);
  assert.equal(route!.compress?.minSize, 30);
  assert.equal(route!.maxBody, 1_000);
  assert.ok(route!.requestFields.remove.includes("x-a"));
  assert.deepEqual(route!.requestFields.add["x-b"], [{ variable: "request.protocol" }]);
  assert.deepEqual(route!.responseFields.set["x-c"], ["1"]);
});

test("requests of pages of other hosts that change something are refused", async () => {
  const config = { filter_enabled: all, additional_origins: [{ suffix: ".ok.test" }] };
  const guard = await guardOf({ filters: [httpFilter("csrf.v3.CsrfPolicy", config)] }, "rules");
  assert.deepEqual([guard.otherwise, guard.rules.map(({ allows }) => allows)], [true, [false]]);
});

test("a filter that umay does not have is an error, unless it may be left out; settings for no filter are told", async () => {
  assert.match(
    (await problemsOf({ filters: [httpFilter("lua.v3.Lua")] }))[0]!,
    /no HTTP filter .*Lua: umay runs no scripts/,
  );
  assert.match(
    (await problemsOf({ filters: [httpFilter("ratelimit.v3.RateLimit")] }))[0]!,
    /no HTTP filter .*RateLimit: umay asks no rate limit service; descriptors of local_ratelimit count here/,
  );
  const { warnings } = await loadFile({
    filters: [httpFilter("lua.v3.Lua", {}, { is_optional: true })],
    host: { typed_per_filter_config: { nobody: extension("buffer.v3.BufferPerRoute", { disabled: true }) } },
  });
  assert.match(warnings.join("\n"), /has no effect: umay has no HTTP filter/);
  assert.match(warnings.join("\n"), /there is no filter "nobody" here/);
});

const rbac = (name: string): object =>
  httpFilter("rbac.v3.RBAC", { rules: { action: "ALLOW", policies: {} } }, { name });

test("filters behind a split of a route count for each of its parts, in which they may split again", async () => {
  const open = (...prefixes: readonly string[]): object[] => [
    ...prefixes.map((prefix) => ({ match: { prefix } })),
    { match: any, requires: { provider_name: "p" } },
  ];
  const tokens = (name: string, ...prefixes: readonly string[]): object =>
    httpFilter(
      "jwt_authn.v3.JwtAuthentication",
      { providers: { p: provider }, rules: open(...prefixes) },
      { name },
    );
  const { hosts } = await loadTable({
    filters: [tokens("j", "/open/"), rbac("r"), tokens("k", "/open/a/"), rbac("s")],
  });
  assert.deepEqual(
    hosts[0]!.rules.map(({ match, route }) => [
      match.path?.value,
      route.name.replace(/^.*\//, ""),
      route.guards.map(([name]) => name!.replace(/^.*\//, "")),
    ]),
    [
      ["/open/a/", "0#1", ["r", "s"]],
      ["/open/", "0#2", ["r", "p#2", "s"]],
      ["/open/a/", "0#3", ["p", "r", "s"]],
      ["/", "0", ["p", "r", "p#2", "s"]],
    ],
  );
});

test("tokens are taken out of the requests of the rule that asks for them, and of no other", async () => {
  const config = {
    providers: { p: provider },
    rules: [{ match: { prefix: "/api/" }, requires: { provider_name: "p" } }],
  };
  const routes = await loadRoutes({ filters: [httpFilter("jwt_authn.v3.JwtAuthentication", config)] });
  assert.deepEqual(
    routes.map(({ requestFields }) => requestFields.remove.includes("authorization")),
    [true, false],
  );
});

test("a part of a route is as large as the route's own fraction; a rule for tokens has none, as in Envoy, and needs a match", async () => {
  const rules = [
    {
      match: { prefix: "/api/", runtime_fraction: { default_value: { numerator: 50 } } },
      requires: { provider_name: "p" },
    },
  ];
  const { model, warnings } = await loadFile({
    filters: [httpFilter("jwt_authn.v3.JwtAuthentication", { providers: { p: provider }, rules })],
    routes: [
      { match: { prefix: "/", runtime_fraction: { default_value: { numerator: 10 } } }, route: toA },
      { match: any, route: toA },
    ],
  });
  const [table] = model.routeTables;
  assert.deepEqual(
    table!.hosts[0]!.rules.map(({ match }) => [match.path?.value, match.percent]),
    [
      ["/api/", 10],
      ["/", 10],
      ["/api/", undefined],
      ["/", undefined],
    ],
  );
  assert.match(warnings.join("\n"), /runtime_fraction.*has no effect: the rule counts for each request/);
  const unmatched = { providers: { p: provider }, rules: [{ requires: { provider_name: "p" } }] };
  assert.match(
    (await problemsOf({ filters: [httpFilter("jwt_authn.v3.JwtAuthentication", unmatched)] })).join(),
    /rules.*has no match/,
  );
});

test("principals and inputs ask for the address and the name that they are named after; an inverted header has to be there", async () => {
  const ten = { address_prefix: "10.0.0.0", prefix_len: 8 };
  const rules = (principals: readonly object[]): object => ({
    rules: { policies: { p: { permissions: [{ any: true }], principals } } },
  });
  const header = { name: "x-a", string_match: { exact: "1" }, invert_match: true };
  const guard = await guardOf(
    {
      filters: [
        httpFilter(
          "rbac.v3.RBAC",
          rules([
            { remote_ip: ten },
            { source_ip: ten },
            { direct_remote_ip: ten },
            { header },
            { header: { ...header, treat_missing_header_as_empty: true } },
          ]),
        ),
      ],
    },
    "rules",
  );
  const [{ when }] = guard.rules as [(typeof guard.rules)[0]];
  assert.ok(when.kind === "all" && when.of[1]?.kind === "some");
  assert.deepEqual(
    when.of[1].of.map((each) => [each.kind, each.kind === "header" ? each.match.missing : undefined]),
    [
      ["client", undefined],
      ["source", undefined],
      ["peer", undefined],
      ["header", "fails"],
      ["header", "empty"],
    ],
  );
  const single = (input: string): object => ({
    predicate: {
      single_predicate: {
        input: {
          name: "i",
          typed_config: typed(`envoy.extensions.matching.common_inputs.ssl.v3.${input}`),
        },
        value_match: { exact: "a" },
      },
    },
    on_match: { action: { name: "a", typed_config: typed("envoy.config.rbac.v3.Action", { name: "a" }) } },
  });
  const matchers = ["UriSanInput", "DnsSanInput", "SubjectInput"].map(single);
  const named = await guardOf(
    { filters: [httpFilter("rbac.v3.RBAC", { matcher: { matcher_list: { matchers } } })] },
    "rules",
  );
  assert.deepEqual(
    named.rules.map(({ when }) => when.kind === "certificate" && when.of),
    ["uri", "dns", "subject"],
  );
});

test("a health check answers every request where it has no headers, none where it is disabled, and stands behind no guard", async () => {
  const check = (more: object = {}): object =>
    httpFilter("health_check.v3.HealthCheck", { pass_through_mode: false }, more);
  const [first, ...others] = (await loadTable({ filters: [check(), rbac("r")] })).hosts[0]!.rules;
  assert.deepEqual(
    [first!.match, first!.route.action.kind],
    [{ path: undefined, methods: [], headers: [], query: [] }, "respond"],
  );
  assert.equal(others.length, 1);
  assert.equal((await loadRoutes({ filters: [rbac("r"), check({ disabled: true })] })).length, 1);
  assert.match(
    (await problemsOf({ filters: [rbac("r"), check()] }))[0]!,
    /answers requests that filter "r" has to see; put it in front/,
  );
});

test("a processor is a guard with all that the filter says, and a route may say some of it anew", async () => {
  const asks = { grpc_service: { envoy_grpc: { cluster_name: "a" } } };
  const { guards, hosts } = await loadTable({
    filters: [
      httpFilter(
        "ext_proc.v3.ExternalProcessor",
        {
          ...asks,
          message_timeout: "1s",
          max_message_timeout: "3s",
          processing_mode: { request_body_mode: "BUFFERED", response_header_mode: "SKIP" },
          mutation_rules: { allow_all_routing: true, disallow_expression: { regex: "x-own-.*" } },
          forward_rules: { disallowed_headers: { patterns: [{ prefix: "x-secret" }] } },
          request_attributes: ["request.path"],
          route_cache_action: "CLEAR",
          allow_mode_override: true,
          status_on_error: { code: "ServiceUnavailable" },
        },
        { name: "process" },
      ),
    ],
    routes: [
      {
        match: { prefix: "/off" },
        route: toA,
        typed_per_filter_config: { process: perRoute({ disabled: true }) },
      },
      {
        match: { prefix: "/open" },
        route: toA,
        typed_per_filter_config: {
          process: perRoute({
            overrides: { failure_mode_allow: true, processing_mode: { response_body_mode: "STREAMED" } },
          }),
        },
      },
      { match: any, route: toA },
    ],
  });
  const [open, usual] = guards.flatMap((guard) => (guard.kind === "process" ? guard : []));
  const nothing = { body: "none", trailers: false };
  assert.deepEqual(
    [
      usual!.pool,
      usual!.timeout,
      usual!.longestTimeout,
      usual!.onFailure,
      usual!.failureStatus,
      usual!.modes,
    ],
    ["a", 1_000, 3_000, "refuse", 503, "any"],
  );
  assert.deepEqual(usual!.mode, {
    request: { head: true, body: "buffered", trailers: false },
    response: { head: false, ...nothing },
  });
  assert.deepEqual(
    [usual!.rules.routing, usual!.rules.deny?.value, usual!.reroutes],
    [true, "x-own-.*", "always"],
  );
  assert.deepEqual([usual!.sees.never[0]?.value, usual!.facts.request], ["x-secret", ["request.path"]]);
  assert.deepEqual(
    [open!.onFailure, open!.mode.request, open!.mode.response.body, open!.filter],
    ["pass", { head: true, ...nothing }, "streamed", usual!.filter],
  );
  assert.deepEqual(
    hosts[0]!.rules.map(({ route }) => route.guards),
    [[], [[open!.name]], [[usual!.name]]],
  );
});

const perRoute = (fields: object): object => extension("ext_proc.v3.ExtProcPerRoute", fields);

test("a processor that could not be asked as it says is an error, and a fact that nobody knows is warned of", async () => {
  const asks = { grpc_service: { envoy_grpc: { cluster_name: "a" } } };
  const filter = (config: object): EnvoyFile => ({
    filters: [httpFilter("ext_proc.v3.ExternalProcessor", config)],
  });
  assert.match((await problemsOf(filter({})))[0]!, /expected grpc_service with the cluster/);
  assert.match(
    (
      await problemsOf(filter({ ...asks, processing_mode: { request_body_mode: "FULL_DUPLEX_STREAMED" } }))
    )[0]!,
    /needs request_trailer_mode: SEND/,
  );
  assert.match(
    (await problemsOf(filter({ ...asks, processing_mode: { response_body_mode: "GRPC" } })))[0]!,
    /sends no body, nor does Envoy/,
  );
  const { warnings } = await loadFile(filter({ ...asks, request_attributes: ["request.size"] }));
  assert.match(warnings[0]!, /"request.size" has no effect/);
});

test("a stateful session is a cookie or a field that keeps clients where they are, and a route may have none", async () => {
  const session = (kind: string, fields: object): object => ({
    session_state: {
      name: "state",
      typed_config: typed(`envoy.extensions.http.stateful_session.${kind}`, fields),
    },
  });
  const cookie = session("cookie.v3.CookieBasedSessionState", {
    cookie: { name: "at", path: "/", ttl: "120s" },
  });
  const { hosts } = await loadTable({
    filters: [httpFilter("stateful_session.v3.StatefulSession", cookie, { name: "session" })],
    routes: [
      {
        match: { prefix: "/a" },
        route: toA,
        typed_per_filter_config: {
          session: extension("stateful_session.v3.StatefulSessionPerRoute", {
            stateful_session: {
              ...session("header.v3.HeaderBasedSessionState", { name: "X-At" }),
              strict: true,
            },
          }),
        },
      },
      {
        match: { prefix: "/b" },
        route: toA,
        typed_per_filter_config: {
          session: extension("stateful_session.v3.StatefulSessionPerRoute", { disabled: true }),
        },
      },
      {
        match: { prefix: "/c" },
        route: toA,
        typed_per_filter_config: {
          session: extension("stateful_session.v3.StatefulSessionPerRoute", {
            stateful_session: session("envelope.v3.EnvelopeSessionState", { header: { name: "Id" } }),
          }),
        },
      },
      { match: any, route: toA },
    ],
  });
  assert.deepEqual(
    hosts[0]!.rules.map(({ route }) => route.sticky),
    [
      { cookie: "", sameSite: "lax", maxAge: undefined, field: "x-at", strict: true },
      undefined,
      { cookie: "", sameSite: "lax", maxAge: undefined, field: "id", wraps: true },
      { cookie: "at", sameSite: "lax", maxAge: 120_000 },
    ],
  );
});

test("calls of servers have the initial metadata of their service, and that of a route in its place", async () => {
  const service = (value: string, key = "X-Call"): object => ({
    envoy_grpc: { cluster_name: "a" },
    initial_metadata: [
      { key, value },
      { key: "x-more", value: "m" },
    ],
  });
  const process = (grpc_service: object): EnvoyFile => ({
    filters: [httpFilter("ext_proc.v3.ExternalProcessor", { grpc_service }, { name: "p" })],
    routes: [
      {
        match: { prefix: "/own" },
        route: toA,
        typed_per_filter_config: {
          p: perRoute({ overrides: { grpc_initial_metadata: [{ key: "x-call", value: "own" }] } }),
        },
      },
      { match: any, route: toA },
    ],
  });
  const { guards } = await loadTable(process(service("usual")));
  assert.deepEqual(
    guards.map((guard) => guard.kind === "process" && guard.lines),
    ["x-more: m\r\nx-call: own\r\n", "x-call: usual\r\nx-more: m\r\n"],
  );
  const [asked] = (
    await loadTable({ filters: [httpFilter("ext_authz.v3.ExtAuthz", { grpc_service: service("usual") })] })
  ).guards;
  assert.equal(asked?.kind === "forward" && asked.lines, "x-call: usual\r\nx-more: m\r\n");
  for (const key of [":path", "content-type", "grpc-timeout", "te"])
    assert.match((await problemsOf(process(service("1", key))))[0]!, /is no name of a header that calls may/);
  assert.match((await problemsOf(process(service("%REQ(X-A)%"))))[0]!, /values without variables/);
});

test("a processor over HTTP gets heads alone, at its URL, with fields of its own", async () => {
  const file = (more: object = {}): EnvoyFile => ({
    filters: [
      httpFilter("ext_proc.v3.ExternalProcessor", {
        http_service: {
          http_service: {
            http_uri: { uri: "http://proc.test:81/a?b=c", cluster: "a", timeout: "0.1s" },
            request_headers_to_add: [{ header: { key: "X-Add", value: "1" } }],
          },
        },
        ...more,
      }),
    ],
  });
  const guard = await guardOf(file(), "process");
  assert.deepEqual(
    [guard.pool, guard.http, guard.lines, guard.timeout],
    ["a", { host: "proc.test:81", path: "/a", query: "?b=c" }, "x-add: 1\r\n", 100],
  );
  for (const mode of [{ request_body_mode: "STREAMED" }, { response_trailer_mode: "SEND" }])
    assert.match(
      (await problemsOf(file({ processing_mode: mode })))[0]!,
      /over HTTP a server gets heads alone/,
    );
  const grpc = {
    grpc_service: { envoy_grpc: { cluster_name: "a" } },
    processing_mode: { request_body_mode: "GRPC" },
  };
  const other: EnvoyFile = { filters: [httpFilter("ext_proc.v3.ExternalProcessor", grpc)] };
  assert.match((await problemsOf(other))[0]!, /sends no body, nor does Envoy/);
});

test("a listener's limit of buffers is that of bodies that processors get as a whole", async () => {
  const bufferOf = async (limit?: number): Promise<readonly unknown[]> => {
    const { model, warnings } = await loadFile({
      listener: { per_connection_buffer_limit_bytes: limit },
      filters: [
        httpFilter("ext_proc.v3.ExternalProcessor", { grpc_service: { envoy_grpc: { cluster_name: "a" } } }),
      ],
    });
    const [guard] = model.routeTables[0]!.guards;
    return [guard?.kind === "process" && guard.buffer, warnings.length];
  };
  assert.deepEqual(await bufferOf(), [1_048_576, 0]);
  assert.deepEqual(await bufferOf(32_768), [32_768, 0]);
  assert.deepEqual(await bufferOf(0), [1_048_576, 0]);
  assert.deepEqual(await bufferOf(1_000_000_000), [16_777_216, 1]);
});

test("fields are removed by how their names begin, also those that were added before", async () => {
  const file = (...mutations: object[]): EnvoyFile => ({
    filters: [
      httpFilter("header_mutation.v3.HeaderMutation", { mutations: { request_mutations: mutations } }),
    ],
  });
  const adds = (key: string): object => ({ append: { header: { key, value: "1" } } });
  const removes = (matcher: object): object => ({ remove_on_match: { key_matcher: matcher } });
  const { hosts } = await loadTable(
    file(
      adds("x-a-before"),
      removes({ prefix: "x-a-" }),
      adds("x-a-after"),
      removes({ exact: "x-b" }),
      removes({ exact: "X-C" }),
      removes({ exact: "X-D", ignore_case: true }),
    ),
  );
  const { set, add, remove } = hosts[0]!.rules[0]!.route.requestFields;
  assert.deepEqual(
    [set, add, [...remove].sort()],
    [{ "x-a-after": ["1"] }, {}, ["x-a-*", "x-a-before", "x-b", "x-d", "x-forwarded-client-cert"]],
  );
});

test("fields are removed by any test of their names; those that say where a message goes or ends stay", async () => {
  const file = (...matchers: object[]): EnvoyFile => ({
    filters: [
      httpFilter("header_mutation.v3.HeaderMutation", {
        mutations: {
          response_mutations: [
            { append: { header: { key: "x-a-secret", value: "1" } } },
            ...matchers.map((matcher) => ({ remove_on_match: { key_matcher: matcher } })),
            { append: { header: { key: "x-b-secret", value: "1" }, append_action: "ADD_IF_ABSENT" } },
          ],
        },
      }),
    ],
  });
  const [route] = await loadRoutes(
    file({ suffix: "-secret" }, { safe_regex: { regex: "x-[0-9]+" } }, { suffix: "-Never" }),
  );
  assert.deepEqual(route!.responseFields, {
    set: { "x-b-secret": ["1"] },
    add: {},
    remove: ["x-a-secret"],
    removeMatching: [
      { kind: "suffix", value: "-secret", ignoreCase: false },
      { kind: "regex", value: "x-[0-9]+", ignoreCase: false },
    ],
    skipsEmpty: true,
  });
  const { warnings } = await loadFile(file({ prefix: "con" }, { exact: "Host", ignore_case: true }));
  assert.match(warnings.join("\n"), /leaves connection, content-length: [\s\S]*leaves host: /);
  assert.match((await problemsOf(file({ safe_regex: { regex: "(" } })))[0]!, /is no regular expression/);
  const many = Array.from({ length: 17 }, (_, index) => ({ contains: `x${index}` }));
  assert.match((await problemsOf(file(...many)))[0]!, /has more than 16 remove_on_match/);
});

test("mutations of every level count, and so do those of fields behind bodies", async () => {
  const append = (key: string, value: string): object => ({
    append: { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
  });
  const own = (mutations: object): object => ({
    typed_per_filter_config: { m: extension("header_mutation.v3.HeaderMutationPerRoute", { mutations }) },
  });
  const file = (wins: boolean, ...mutations: object[]): EnvoyFile => ({
    filters: [
      httpFilter(
        "header_mutation.v3.HeaderMutation",
        {
          most_specific_header_mutations_wins: wins,
          mutations: {
            request_trailers_mutations: [append("x-of", "filter"), { remove: "x-gone" }, ...mutations],
          },
        },
        { name: "m" },
      ),
    ],
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: "a" },
        ...own({ response_trailers_mutations: [append("x-of", "route")] }),
      },
    ],
    host: own({ response_trailers_mutations: [append("x-of", "host"), append("x-host", "%PROTOCOL%")] }),
  });
  const trailersOf = async (wins: boolean) => {
    const [route] = await loadRoutes(file(wins));
    return [route!.requestTrailers, route!.responseTrailers].map((changes) => [
      changes?.set,
      changes?.remove,
    ]);
  };
  const request = [{ "x-of": ["filter"] }, ["x-gone"]];
  const host = [{ variable: "request.protocol" }];
  assert.deepEqual(await trailersOf(false), [request, [{ "x-of": ["host"], "x-host": host }, []]]);
  assert.deepEqual(await trailersOf(true), [request, [{ "x-of": ["route"], "x-host": host }, []]]);
  const problems = await problemsOf(file(false, append("Authorization", "x"), append("te", "x")));
  assert.match(problems.join("\n"), /authorization may not stand behind a body[\s\S]*te may not stand/);
});

const fault = (config: object): EnvoyFile => ({ filters: [httpFilter("fault.v3.HTTPFault", config)] });
const most = { numerator: 40 };

test("a fault is a guard, which holds up a part of the requests and answers a part in place of a backend", async () => {
  const delay = { fixed_delay: "0.25s", percentage: most };
  const abort = {
    http_status: 503,
    percentage: { numerator: 10, denominator: "TEN_THOUSAND" },
    response_body: "no",
  };
  const { name: _name, ...both } = await guardOf(fault({ delay, abort, max_active_faults: 7 }), "fault");
  assert.deepEqual(both, {
    kind: "fault",
    when: { kind: "any" },
    delay: { percent: 40, unit: 1, time: 250 },
    abort: { percent: 0.1, unit: 0.01, answer: { status: 503, text: "no" } },
    most: 7,
  });
  assert.deepEqual((await guardOf(fault({ abort: { grpc_status: 5, percentage: most } }), "fault")).abort, {
    percent: 40,
    unit: 1,
    answer: { status: 200, grpc: 5 },
  });
  const asked = await guardOf(
    fault({ delay: { header_delay: {}, percentage: most }, abort: { header_abort: {}, percentage: most } }),
    "fault",
  );
  assert.deepEqual([asked.delay?.time, asked.abort?.answer], ["field", "field"]);
  const none = { http_status: 503, percentage: { numerator: 0 } };
  assert.deepEqual((await loadTable(fault({ abort: none, delay: { fixed_delay: "1s" } }))).guards, []);
  const problem = async (config: object): Promise<string> => (await problemsOf(fault(config)))[0]!;
  assert.match(await problem({ delay: { percentage: most } }), /fixed_delay: expected a time above 0 s/);
  assert.match(await problem({ delay: { fixed_delay: "3601s", percentage: most } }), /up to an hour/);
  assert.match(
    await problem({ abort: { http_status: 199, percentage: most } }),
    /abort: expected http_status, from 200/,
  );
});

test("a fault is for requests with its fields, from its nodes, and for routes to its cluster", async () => {
  const abort = { http_status: 503, percentage: most };
  const { when } = await guardOf(
    fault({
      abort,
      headers: [{ name: "x-fault", string_match: { exact: "yes" } }],
      downstream_nodes: ["n", "m"],
    }),
    "fault",
  );
  const exact = (name: string, value: string) => ({
    kind: "header",
    match: { name, test: { kind: "exact", value, ignoreCase: false }, not: false },
  });
  const nodes = ["n", "m"].map((node) => exact("x-envoy-downstream-service-node", node));
  assert.deepEqual(when, { kind: "all", of: [exact("x-fault", "yes"), { kind: "some", of: nodes }] });
  const weighted = (...names: readonly string[]) => ({
    weighted_clusters: { clusters: names.map((name) => ({ name, weight: 1 })) },
  });
  const to = (route: object) => ({ match: any, route });
  const file = (...routes: readonly object[]): EnvoyFile => ({
    ...fault({ abort, upstream_cluster: "a" }),
    routes: [...routes, { match: any, direct_response: { status: 200 } }],
    clusters: ["a", "b"].map((name) => cluster(name, 4_000)),
  });
  const { hosts } = await loadTable(file(to({ cluster: "a" }), to({ cluster: "b" }), to(weighted("a"))));
  assert.deepEqual(
    hosts[0]!.rules.map(({ route }) => route.guards.length),
    [1, 0, 1, 0],
  );
  for (const route of [weighted("a", "b"), { cluster_header: "x-c" }])
    assert.match((await problemsOf(file(to(route))))[0]!, /upstream_cluster: can't be told for a route/);
});

test("weighted clusters with settings of their own for filters become routes that share requests by chance", async () => {
  const clusters = [cluster("a", 1), cluster("b", 2), cluster("c", 3)];
  const limit = (bytes: number): object =>
    extension("buffer.v3.BufferPerRoute", { buffer: { max_request_bytes: bytes } });
  const weighted = [
    { name: "a", weight: 1, typed_per_filter_config: { buffer: limit(10) } },
    { name: "b", weight: 0, typed_per_filter_config: { buffer: limit(11) } },
    {
      name: "c",
      weight: 3,
      request_headers_to_add: [{ header: { key: "x-c", value: "1" } }],
      typed_per_filter_config: { buffer: typed("envoy.config.route.v3.FilterConfig", { disabled: true }) },
    },
  ];
  const file = (share: object, more: object = {}): EnvoyFile => ({
    clusters,
    filters: [httpFilter("buffer.v3.Buffer", { max_request_bytes: 100 }, { name: "buffer" })],
    routes: [
      { match: { ...any, ...share }, route: { weighted_clusters: { clusters: weighted } }, ...more },
      { match: any, route: { cluster: "b" } },
    ],
  });
  const partsOf = async (share: object): Promise<object> => {
    const { rules } = (await loadTable(file(share))).hosts[0]!;
    return rules.map(({ match, route: { maxBody, action } }) => [
      match.percent,
      maxBody,
      action.kind === "pools" && action.to.map(({ pool }) => pool),
      action.kind === "pools" && action.changes?.map(({ pool }) => pool),
    ]);
  };
  const rest = [undefined, 100, ["b"], undefined];
  assert.deepEqual(await partsOf({}), [
    [25, 10, ["a"], undefined],
    [undefined, undefined, ["c"], ["c"]],
    rest,
  ]);
  const half = { runtime_fraction: { default_value: { numerator: 50 } } };
  assert.deepEqual(await partsOf(half), [[12.5, 10, ["a"], undefined], [50, undefined, ["c"], ["c"]], rest]);
  const wrong = { request_headers_to_add: [{ header: { key: "x", value: "%NONE%" } }] };
  assert.equal((await problemsOf(file({}, wrong))).length, 1, "a fault of the route is told once");
  weighted[1]!.typed_per_filter_config = { buffer: extension("cors.v3.CorsPolicy") as never };
  assert.match((await problemsOf(file({})))[0]!, /weighted_clusters.*expected .*BufferPerRoute/);
});
