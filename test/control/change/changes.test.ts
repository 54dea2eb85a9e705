import assert from "node:assert/strict";
import { test } from "node:test";
import { compareModels } from "../../../src/control/change/changes.ts";
import type { Model } from "../../../src/model/model.ts";
import { base, httpModel } from "../../providers/toml/http/loading.ts";
import { loadModel, smallest } from "../../providers/toml/loading.ts";
import { altered } from "../../support/altered.ts";

const changes = async (after: string, before = smallest) =>
  compareModels(await loadModel(before), await loadModel(after));

const none = { changes: [], restart: [] };

test("what means the same is no change", async () => {
  assert.deepEqual(await changes(smallest), none);
  const written = `workers = "auto" # as it is\n${smallest.replace("[listeners.echo]", '[listeners.echo]\nmode = "tcp"\ntimeouts = { idle = "60m" }')}`;
  assert.deepEqual(await changes(written), none);
});

test("changes are told by the keys of the configuration, those that wait for a restart apart", async () => {
  const after = `
    workers = 3
    admin = { bind = "127.0.0.1:1" }
    log = { level = "warn", format = "pretty", sessions = false, access.file = "/requests.log" }
    shutdown.timeout = "1s"
    overload.max_requests = 9
    otlp.endpoint = "http://127.0.0.1:1"
    [listeners.echo]
    bind = "127.0.0.1:9995"
    pool = "echo"
    max_connections = 5
    deny = ["10.0.0.0/8"]
    [pools.echo]
    max_connections_per_backend = 7
    slow_start = "1s"
    panic_threshold = 3
    outlier = { enabled = false }
    health = { type = "tcp" }
    discovery = { type = "static", backends = ["127.0.0.1:1995"] }`;
  assert.deepEqual(await changes(after), {
    changes: [
      "overload: changed",
      "log.level: changed",
      "log.sessions: changed",
      "log.access: changed",
      "shutdown.timeout: changed",
      "listeners.echo: changed max_connections, bind, deny",
      "pools.echo: changed max_connections_per_backend, slow_start, discovery, outlier, panic_threshold, health",
    ],
    restart: ["workers", "admin", "log.format", "otlp"],
  });
});

test("what comes and goes is told by its name", async () => {
  assert.deepEqual((await changes(smallest.replaceAll("echo", "other"))).changes, [
    "listeners.other: added",
    "listeners.echo: removed",
    "pools.other: added",
    "pools.echo: removed",
  ]);
});

test("routes are told by their names and keys, and how a listener speaks HTTP by its own", async () => {
  const route = (name: string, rest: string): string => `[routes.${name}]\npool = "b"\n${rest}\n`;
  const before = await httpModel(`${base}${route("one", 'path = "/1"')}${route("two", 'path = "/2"')}`);
  const after = await httpModel(
    `${base}${route("one", 'path = "/1"\nmax_body = 1')}${route("two", 'path = "/3"')}${route("three", 'path = "/4"')}[listeners.web.http]\nmax_fields = 8\n`,
  );
  assert.deepEqual(compareModels(before, after).changes, [
    "listeners.web: changed http",
    "routes.one: changed max_body",
    "routes.three: added",
    "routes.two: changed match",
  ]);
});

/** A model with much in it. */
const rich = (): Promise<Model> =>
  httpModel(`
    admin.bind = "127.0.0.1:1"
    overload = { max_requests = 9, event_loop_delay = "1s" }
    otlp = { endpoint = "http://127.0.0.1:1", headers = { key = "a" } }
    log.access = { file = "/requests.log", request_fields = ["user-agent"] }
    ${base}
    [listeners.relay]
    bind = "127.0.0.1:8081"
    pool = "a"
    detect = true
    routes = [{ sni = ["a.example"], passthrough = true, pool = "b" }]
    connection_rate_per_ip = "5/s"
    [pools.tls]
    tls = { server_name = "b.example", alpn = ["h2"], pins = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] }
    health = { type = "http" }
    discovery = { type = "dns", name = "b.example", port = 443 }
    [rate_limits.slow]
    rate = "5/s"
    [routes.one]
    path = "/1"
    pools = [{ pool = "a", weight = 2 }, { pool = "b", weight = 1 }]
    mirror = [{ pool = "tls" }]
    compress = {}
    log.percent = 10
    rate_limit = ["slow"]
    [routes.two]
    hosts = ["two.example"]
    path = "/2"
    redirect = { scheme = "https" }
    [routes.three]
    path = "/3"
    respond = { status = 200, body = "three" }`);

test("whatever differs in a model is a change: a value, or a key that comes or goes", async () => {
  const model = await rich();
  let count = 0;
  for (const [path, other] of altered(model)) {
    count++;
    for (const [before, after] of [
      [model, other],
      [other, model],
    ] as const) {
      const { changes, restart } = compareModels(before, after);
      assert.notEqual(changes.length + restart.length, 0, path);
    }
  }
  assert.ok(count > 500, `${count} models`);
});

test("tables that go are changes as those that come", async () => {
  const route = '[routes.one]\npool = "b"\n';
  const before = await httpModel(`${base}${route}compress = {}\nlog.percent = 10\n`);
  const after = await httpModel(`${base}${route}`);
  const told = ["routes.one: changed compress, log"];
  assert.deepEqual(compareModels(before, after).changes, told);
  assert.deepEqual(compareModels(after, before).changes, told);
});

test("the order of rules is one of routes; that of tables and hosts is none", async () => {
  const model = await httpModel(
    `${base}[routes.one]\npath = "/1"\npool = "b"\n[routes.two]\npath = "/2"\npool = "b"\n[routes.other]\nhosts = ["a.example"]\npool = "b"\n`,
  );
  const [table] = model.routeTables;
  assert.ok(table !== undefined && table.hosts.length > 1);
  const hosts = table.hosts.map((host) => ({ ...host, rules: host.rules.toReversed() }));
  const reordered = { ...model, routeTables: [{ ...table, hosts }] };
  assert.deepEqual(compareModels(model, reordered).changes, ["routes: changed"]);
  const moved = { ...model, routeTables: [{ ...table, hosts: table.hosts.toReversed() }] };
  assert.deepEqual(compareModels(model, moved), none);
});

test("a route that is the same object at the same places is not looked into", async () => {
  const model = await httpModel(`${base}[routes.one]\npool = "b"\n`);
  let looks = 0;
  const of = (change: object): Model => ({
    ...model,
    routeTables: model.routeTables.map((table) => ({
      ...table,
      hosts: table.hosts.map((host) => ({
        ...host,
        rules: host.rules.map((rule) => ({ ...rule, route, ...change })),
      })),
    })),
  });
  const route = new Proxy(model.routeTables[0]!.hosts[0]!.rules[0]!.route, {
    ownKeys(target) {
      looks++;
      return Reflect.ownKeys(target);
    },
  });
  assert.deepEqual(compareModels(of({}), of({})), none);
  assert.equal(looks, 0);
  const match = { path: undefined, methods: ["PUT"], headers: [], query: [] };
  assert.deepEqual(compareModels(of({}), of({ match })).changes, ["routes.one: changed match"]);
  assert.ok(looks > 0);
});
