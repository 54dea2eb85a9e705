import assert from "node:assert/strict";
import { test } from "node:test";
import { compareModels } from "../../../src/control/change/changes.ts";
import { base, httpModel } from "../../providers/toml/http/loading.ts";
import { loadModel, smallest } from "../../providers/toml/loading.ts";

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
    log = { level = "warn", format = "pretty", sessions = false }
    shutdown.timeout = "1s"
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
      "log.level: changed",
      "log.sessions: changed",
      "shutdown.timeout: changed",
      "listeners.echo: changed max_connections, bind, deny",
      "pools.echo: changed max_connections_per_backend, slow_start, discovery, outlier, panic_threshold, health",
    ],
    restart: ["workers", "admin", "log.format"],
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
