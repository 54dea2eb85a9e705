import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition } from "../../../src/model/http/condition.ts";
import type { RateLimit } from "../../../src/model/http/guard.ts";
import { Node } from "../../../src/providers/envoy/node.ts";
import { cluster, type EnvoyFile, httpFilter, loadFile, problemsOf, typed } from "../../support/envoy.ts";

const all = { default_value: { numerator: 100 } };
const bucket = (most: number): object => ({ max_tokens: most, tokens_per_fill: 1, fill_interval: "60s" });
const settings = (fields: object): object => ({
  token_bucket: bucket(100),
  filter_enabled: all,
  filter_enforced: all,
  ...fields,
});
const filter = (fields: object): object =>
  httpFilter("local_ratelimit.v3.LocalRateLimit", settings(fields), { name: "limit" });
const entry = (key: string, value = ""): object => ({ key, value });
const descriptor = (most: number, ...entries: readonly object[]): object => ({
  entries,
  token_bucket: bucket(most),
});
const generic = (value: string): object => ({ generic_key: { descriptor_value: value } });
const header = (name: string, key: string, more: object = {}): object => ({
  request_headers: { header_name: name, descriptor_key: key, ...more },
});
const to = (limits: readonly object[], more: object = {}): object => ({
  match: { prefix: "/" },
  route: { cluster: "a", rate_limits: limits, ...more },
});

const limitsOf = async (file: EnvoyFile): Promise<readonly RateLimit[]> =>
  (await loadFile(file)).model.routeTables[0]!.guards.filter((guard) => guard.kind === "rate-limit");

/** The keys of the rates of a file with one route, whose requests these actions describe, and with these descriptors. */
async function keysOf(actions: readonly object[], ...descriptors: readonly object[]): Promise<unknown> {
  const [limit] = await limitsOf({ filters: [filter({ descriptors })], routes: [to([{ actions }])] });
  return (limit?.rates ?? []).map((group) => group.map(({ key }) => key));
}

test("a descriptor with values is for requests that have them, and one without counts each of them", async () => {
  const name = { kind: "header", name: "x-tier" };
  assert.deepEqual(
    await keysOf(
      [header("X-Tier", "tier")],
      descriptor(1, entry("tier")),
      descriptor(2, entry("tier", "gold")),
    ),
    [[[{ ...name, is: "gold" }], [name]]],
  );
  assert.deepEqual(await keysOf([header("x-tier", "tier")], descriptor(1, entry("other"))), []);
  assert.deepEqual(await keysOf([generic("a"), generic("b")], descriptor(1, entry("generic_key", "a"))), []);
  const both = [entry("generic_key", "a"), entry("generic_key")];
  assert.deepEqual(await keysOf([generic("a"), generic("b")], descriptor(1, ...both)), [[[]]]);
  assert.deepEqual(await keysOf([generic("c"), generic("b")], descriptor(1, ...both)), []);
});

test("each action is a part of the key, or a condition", async () => {
  const query = [{ name: "a", string_match: { exact: "1" } }];
  const headers = [{ name: "x-a", present_match: true }];
  const of = (action: object, key: string, value = "") => keysOf([action], descriptor(1, entry(key, value)));
  const address = { kind: "client-ip", v4: 32, v6: 128 };
  assert.deepEqual(await of({ remote_address: {} }, "remote_address"), [[[address]]]);
  assert.deepEqual(await of({ remote_address: {} }, "remote_address", "::1"), [
    [[{ ...address, is: "::1" }]],
  ]);
  assert.deepEqual(await of({ remote_address: {} }, "remote_address", "10.0.0.0/8"), []);
  const masked = { masked_remote_address: { v4_prefix_mask_len: 8, v6_prefix_mask_len: 48 } };
  const network = { kind: "client-ip", v4: 8, v6: 48 };
  assert.deepEqual(await of(masked, "masked_remote_address", "10.0.0.0/8"), [
    [[{ ...network, is: "10.0.0.0/8" }]],
  ]);
  assert.deepEqual(await of(masked, "masked_remote_address", "10.0.0.0/16"), []);
  assert.deepEqual(await of(masked, "masked_remote_address", "2001:db8::/48"), [
    [[{ ...network, is: "2001:db8::/48" }]],
  ]);
  const parameter = { query_parameters: { query_parameter_name: "q", descriptor_key: "k" } };
  assert.deepEqual(await of(parameter, "k", "č"), [[[{ kind: "query", name: "q", is: "\xc4\x8d" }]]]);
  assert.deepEqual(await of({ destination_cluster: {} }, "destination_cluster", "a"), [[[]]]);
  assert.deepEqual(await of({ destination_cluster: {} }, "destination_cluster", "b"), []);
  const condition = async (action: object, key: string): Promise<unknown> => {
    const [group] = (await of(action, key, "y")) as readonly (readonly { when: Condition }[])[][];
    return group?.[0]?.[0]?.when.kind;
  };
  const value = { descriptor_value: "y" };
  assert.equal(await condition({ header_value_match: { ...value, headers } }, "header_match"), "all");
  assert.equal(
    await condition({ header_value_match: { ...value, headers, expect_match: false } }, "header_match"),
    "not",
  );
  assert.equal(
    await condition({ query_parameter_value_match: { ...value, query_parameters: query } }, "query_match"),
    "all",
  );
  const ranges = [{ address_prefix: "10.0.0.0", prefix_len: 8 }];
  assert.equal(
    await condition(
      { remote_address_match: { ...value, address_matcher: { ranges } } },
      "remote_address_match",
    ),
    "client",
  );
});

test("an entry that may be left out makes two ways to describe a request", async () => {
  const keys = await keysOf(
    [generic("x"), header("x-a", "a", { skip_if_absent: true })],
    descriptor(1, entry("generic_key", "x")),
    descriptor(2, entry("generic_key", "x"), entry("a", "1")),
  );
  const absent = { kind: "header", match: { name: "x-a", test: { kind: "present" }, not: true } };
  assert.deepEqual(keys, [
    [[{ kind: "header", name: "x-a", is: "1" }], [{ kind: "condition", when: absent }]],
  ]);
  const skips = Array.from({ length: 7 }, (_, index) => header(`x-${index}`, "k", { skip_if_absent: true }));
  const file = {
    filters: [filter({ descriptors: [descriptor(1, entry("k"))] })],
    routes: [to([{ actions: skips }])],
  };
  assert.match((await problemsOf(file))[0]!, /actions: has more than 64 ways/);
});

test("the limits of a route hide those of its host, unless one of both says otherwise; stages and keys have a say", async () => {
  const descriptors = ["host", "own", "late"].map((value) => descriptor(1, entry("generic_key", value)));
  const names = async (
    option: string | undefined,
    limits: readonly object[],
    more: object = {},
  ): Promise<unknown> => {
    const [limit] = await limitsOf({
      filters: [filter({ descriptors, ...(option && { vh_rate_limits: option }) })],
      host: { rate_limits: [{ actions: [generic("host")] }] },
      routes: [to(limits, more)],
    });
    return (limit?.rates ?? []).flat().map(({ name }) => /(host|own|late)/.exec(name)![0]);
  };
  const own = { actions: [generic("own")] };
  assert.deepEqual(await names(undefined, []), ["host"]);
  assert.deepEqual(await names(undefined, [own]), ["own"]);
  assert.deepEqual(await names("INCLUDE", [own]), ["own", "host"]);
  assert.deepEqual(await names("IGNORE", []), []);
  assert.deepEqual(await names("IGNORE", [own], { include_vh_rate_limits: true }), ["own", "host"]);
  assert.deepEqual(await names(undefined, [{ ...own, stage: 1 }]), []);
  assert.deepEqual(await names(undefined, [{ ...own, disable_key: "k" }]), []);
});

test("routes that are described differently have guards of their own, which share their counts", async () => {
  const descriptors = [descriptor(1, entry("generic_key", "a")), descriptor(1, entry("generic_key", "b"))];
  const of = (value: string): object => to([{ actions: [generic(value)] }]);
  const limits = await limitsOf({
    filters: [filter({ descriptors })],
    routes: [of("a"), of("b"), of("a"), of("c")],
  });
  assert.deepEqual(
    limits.map(({ name, counts, rates = [] }) => [
      name.replace(/^.*\//, ""),
      counts?.replace(/^.*\//, ""),
      rates.length,
    ]),
    [
      ["limit", "limit", 1],
      ["limit#2", "limit", 1],
      ["limit#3", "limit", 0],
    ],
  );
});

test("a filter's own limits describe requests of every route; they take several tokens, and no stages", async () => {
  const descriptors = [{ ...descriptor(5, entry("generic_key", "x")), shadow_mode: true }];
  const [limit] = await limitsOf({
    filters: [
      filter({
        descriptors,
        always_consume_default_token_bucket: false,
        enable_x_ratelimit_headers: "DRAFT_VERSION_03",
        local_rate_limit_per_downstream_connection: true,
        rate_limits: [{ actions: [generic("x")], hits_addend: { number: 2 }, x_ratelimit_option: "OFF" }],
      }),
    ],
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
  });
  const { always, fields, form, key, rates } = limit!;
  assert.deepEqual([always, fields, form, key], [false, "always", "x-ratelimit", [[{ kind: "connection" }]]]);
  assert.deepEqual(
    rates!.flat().map(({ cost, looksOn, tells, burst, key: parts }) => [cost, looksOn, tells, burst, parts]),
    [[2, true, false, 5, [{ kind: "connection" }]]],
  );
  const problem = async (wrong: object): Promise<string> =>
    (
      await problemsOf({
        filters: [filter({ descriptors, rate_limits: [{ actions: [generic("x")], ...wrong }] })],
      })
    )[0]!;
  assert.match(await problem({ stage: 1 }), /stage: is for the rate_limits of routes/);
  assert.match(await problem({ apply_on_stream_done: true }), /counts requests when they come/);
  for (const hits of [{ number: 0 }, { format: "%REQ(x)%" }, { number: 1, is_negative_hits: true }])
    assert.match(await problem({ hits_addend: hits }), /hits_addend: expected a number of at least 1/);
});

test("that umay can't tell is an error where a filter asks for it, and a warning where none does", async () => {
  const descriptors = [descriptor(1, entry("k", "v"))];
  const metadata = { metadata: { descriptor_key: "k", metadata_key: { key: "a", path: [{ key: "b" }] } } };
  const limits = [{ actions: [metadata] }];
  assert.match(
    (await problemsOf({ filters: [filter({ descriptors })], routes: [to(limits)] }))[0]!,
    /actions\[0\]: is an action that umay can't evaluate/,
  );
  for (const filters of [[], [filter({})]]) {
    const { warnings } = await loadFile({ filters, routes: [to(limits)], host: { rate_limits: limits } });
    const told = warnings.filter((text) => text.includes("no local_ratelimit with descriptors asks for it"));
    assert.equal(told.length, 2, told.join("\n"));
  }
  const weighted = { weighted_clusters: { clusters: ["a", "b"].map((name) => ({ name, weight: 1 })) } };
  const file = {
    filters: [filter({ descriptors })],
    clusters: ["a", "b"].map((name) => cluster(name, 4_000)),
    routes: [
      {
        match: { prefix: "/" },
        route: { ...weighted, rate_limits: [{ actions: [{ destination_cluster: {} }] }] },
      },
    ],
  };
  assert.match((await problemsOf(file))[0]!, /destination_cluster: can't be told/);
});

test("a filter's descriptors are read once, however many routes it is for", async (t) => {
  const nodes = t.mock.method(Node.prototype, "nodes");
  const routes = Array.from({ length: 5 }, (_, index) => to([{ actions: [generic(`${index}`)] }]));
  const limits = await limitsOf({
    filters: [filter({ descriptors: [descriptor(1, entry("generic_key"))] })],
    routes,
  });
  assert.deepEqual(
    limits.map(({ name }) => name.replace(/^.*#/, "")),
    ["rate_limits.l/filter_chains[0]/limit", "2", "3", "4", "5"],
  );
  assert.equal(nodes.mock.calls.filter(({ arguments: [name] }) => name === "entries").length, 1);
});

test("answers and backends get every field that a limit adds, as often as it does", async () => {
  const option = (key: string, value: string, append_action?: string): object => ({
    header: { key, value },
    append_action,
  });
  const fields = [
    option("x-a", "1"),
    option("x-a", "2"),
    option("x-b", "3", "OVERWRITE_IF_EXISTS_OR_ADD"),
    option("x-b", "4"),
    option("x-none", ""),
  ];
  const conditional = [option("x-c", "5", "ADD_IF_ABSENT"), option("x-d", "6", "OVERWRITE_IF_EXISTS")];
  const none = { default_value: { numerator: 0 } };
  const [limit] = await limitsOf({
    filters: [filter({ response_headers_to_add: [...fields, ...conditional] })],
  });
  const lines = "x-b: 3\r\nx-a: 1\r\nx-a: 2\r\nx-b: 4\r\n";
  assert.equal(limit!.refusal!.lines, `${lines}x-c: 5\r\n`);
  const spared = (list: readonly object[]): EnvoyFile => ({
    filters: [filter({ filter_enforced: none, request_headers_to_add_when_not_enforced: list })],
  });
  assert.deepEqual((await limitsOf(spared(fields)))[0]!.spared, { lines, replaces: ["x-b"] });
  for (const option of conditional)
    assert.match(
      (await problemsOf(spared([option])))[0]!,
      /umay takes fields that are appended or overwritten/,
    );
});

test("descriptors and settings of routes need what Envoy needs", async () => {
  const problem = async (fields: object): Promise<string> =>
    (await problemsOf({ filters: [filter(fields)] }))[0]!;
  const twice = [descriptor(1, entry("a", "1")), descriptor(2, entry("a", "1"))];
  assert.match(await problem({ descriptors: twice }), /descriptors\[1\]: has the entries of another/);
  assert.match(await problem({ descriptors: [{ entries: [entry("a")] }] }), /has no token_bucket/);
  assert.match(
    await problem({ token_bucket: { max_tokens: 1 } }),
    /expected tokens_per_fill and fill_interval/,
  );
  const route = {
    match: { prefix: "/" },
    route: { cluster: "a" },
    typed_per_filter_config: {
      limit: typed("envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", {
        filter_enabled: all,
      }),
    },
  };
  assert.match(
    (await problemsOf({ filters: [filter({})], routes: [route] }))[0]!,
    /has no token_bucket, which settings/,
  );
  const [closed] = await limitsOf({
    filters: [filter({ token_bucket: { max_tokens: 0, fill_interval: "1s" } })],
  });
  assert.equal(closed?.burst, 0);
});
