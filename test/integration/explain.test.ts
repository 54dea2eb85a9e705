import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import type { Explanation } from "../../src/model/explanation.ts";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain } from "../support/client.ts";
import { type Finished, startCommand } from "../support/command.ts";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
import { patient } from "../support/patience.ts";
import { endingOf, farewell } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-explain-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, "umay.toml");

async function explain(...args: string[]): Promise<Finished> {
  using command = startCommand(["explain", ...args]);
  return await command.finished;
}

async function explainJson(...args: string[]): Promise<Explanation> {
  return JSON.parse((await explain("--json", ...args)).stdout) as Explanation;
}

describe("from a configuration", () => {
  writeFileSync(
    file,
    `
    [listeners.web]
    bind = "127.0.0.1:9994"
    pool = "app"
    deny = ["10.9.0.0/16"]
    [listeners.empty]
    bind = "127.0.0.1:9995"
    pool = "gone"
    [pools.app]
    picker = { type = "consistent-hash", key = "source-ip" }
    discovery = { type = "static", backends = ["10.0.0.1:80", "10.0.0.2:80"] }
    [pools.gone]
    discovery = { type = "static", backends = ["nowhere.invalid:80"] }`,
  );

  test("0: it would be served; text that goes to no terminal has no colours", async () => {
    const { code, stdout, stderr } = await explain("-c", file, "-l", "web", "--client", "2001:DB8::1");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(
      stdout,
      /^served by 10\.0\.0\.[12]:80 of pool app\n\nasked {5}listener web, client 2001:db8::1,/,
    );
    assert.match(stdout, /^pool {6}app, consistent-hash of 2001:db8::1$/m);
    assert.ok(!stdout.includes("\u001b"));
  });

  test("1: it would be refused, or there is no backend for it", async () => {
    const { code, stdout } = await explain("-c", file, "-l", "web", "--client", "10.9.0.1");
    assert.equal(code, 1);
    assert.match(stdout, /^not served: denied/);
    const none = await explain("-c", file, "-l", "empty", "--json");
    assert.equal(none.code, 1);
    assert.equal((JSON.parse(none.stdout) as Explanation).reason, "no_backend");
  });

  test("2: wrong usage, with what was meant; 78: an invalid configuration", async () => {
    for (const [args, complaint] of [
      [
        ["-l", "wbe"],
        /^umay: there is no listener "wbe"; did you mean "web"\?\n {2}this was asked of \S+; --admin asks a running umay\n$/,
      ],
      [[], /^umay: listener: say which one: "web" or "empty"\n/],
      [["-l", "web", "--client", "10.0.0.1:80"], /expected an IP address without a port/],
      [["-l", "web", "--admin", "127.0.0.1:1"], /--admin <address>' cannot be used with option '-c/],
    ] as const) {
      const { code, stdout, stderr } = await explain("-c", file, ...args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, complaint);
    }
    const broken = join(dir, "broken.toml");
    writeFileSync(broken, "[listeners.web]\nbind = 1\n");
    assert.equal((await explain("-c", broken)).code, 78);
  });
});

/** An address where nobody listens; not on 127.0.0.1, where connections get ports of their own. */
async function portOfNobody(): Promise<string> {
  const echo = await startEcho({ bind: "127.0.0.2:0" });
  await echo.close();
  return formatAddress(echo.address);
}

/** Until a backend is said to be in this state. */
async function until(umay: RunningUmay, address: string, state: string): Promise<void> {
  const deadline = performance.now() + patient(10_000);
  for (;;) {
    const { backends } = (await umay.status()).pools["app"]!;
    if (backends.find((backend) => backend.address === address)?.state === state) return;
    assert.ok(performance.now() < deadline, `${address} is not ${state} in time`);
    await sleep(20);
  }
}

test("of a running umay: who is down, drained or ejected, who is connected, and the log says whom the picker passed over", async () => {
  await using good = await startEchoBackend();
  const [checked, away] = [await portOfNobody(), await portOfNobody()];
  const pool = (name: string, health: string): string => `
    [pools.${name}]
    picker = "round-robin"
    connect.attempts = 1
    panic_threshold = 0
    ${health}`;
  await using umay = await startUmay(`
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.plain = { bind = "127.0.0.1:0", pool = "app" }
    listeners.passive = { bind = "127.0.0.1:0", pool = "ejecting" }
    ${pool("app", `health = { type = "tcp", interval = "1s", fall = 1 }`)}
    discovery = { type = "static", backends = ["${checked}", "${good.address}"] }
    ${pool("ejecting", "outlier = { consecutive_errors = 1, ejection = { max_percent = 50 } }")}
    discovery = { type = "static", backends = ["${away}", "${good.address}"] }`);
  const admin = ["--admin", umay.admin.replace("http://", "")];
  await until(umay, checked, "down");

  using client = await connectPlain(umay.port("plain"));
  await client.write("x");
  await client.read(1);
  const told = await explainJson(...admin, "-l", "plain");
  assert.deepEqual(
    [told.served, told.worker, told.pool!.backend, told.pool!.next],
    [true, 1, good.address, null],
  );
  assert.deepEqual(
    told.pool!.backends.map(({ state, skipped, connections, share }) => [state, skipped, connections, share]),
    [
      ["down", "down", 0, 0],
      ["up", null, 1, 1],
    ],
  );
  const { stdout, code } = await explain(...admin, "-l", "plain");
  assert.equal(code, 0);
  assert.ok(stdout.includes(`${checked}  skipped: down, 0 open\n`), stdout);
  assert.ok(stdout.includes(`${good.address}  picked, 1 open\n`), stdout);
  await farewell(client);
  const line = await umay.session(({ listener }) => listener === "plain");
  assert.deepEqual(line["pick"], {
    picker: "round-robin",
    candidates: 2,
    skipped: [{ backend: checked, why: "down" }],
  });

  const path = `/pools/app/backends/${encodeURIComponent(good.address)}/drain?force=true`;
  assert.equal((await fetch(umay.admin + path, { method: "POST" })).status, 200);
  const drained = await explain(...admin, "-l", "plain");
  assert.equal(drained.code, 1);
  assert.match(drained.stdout, /^not served: no_backend/);
  assert.ok(drained.stdout.includes(`${good.address}  skipped: draining, 0 open\n`), drained.stdout);
  await endingOf(connectPlain(umay.port("plain")));
  const unserved = await umay.session(({ reason }) => reason === "no_backend");
  assert.deepEqual((unserved["pick"] as { skipped: unknown }).skipped, [
    { backend: checked, why: "down" },
    { backend: good.address, why: "draining" },
  ]);

  // Its first session finds nobody there, and has it ejected.
  await endingOf(connectPlain(umay.port("passive")));
  await umay.logged(({ msg }) => msg.startsWith("backend is ejected"));
  const ejected = await explainJson(...admin, "-l", "passive");
  assert.deepEqual(
    ejected.pool!.backends.map(({ skipped }) => skipped),
    ["ejected", null],
  );
  const unknown = await explain(...admin, "-l", "plian");
  assert.deepEqual(
    [unknown.code, unknown.stderr],
    [2, 'umay: there is no listener "plian"; did you mean "plain"?\n'],
  );
});

test("1, and why, when no umay answers", async () => {
  const { code, stderr } = await explain("--admin", "127.0.0.1:1");
  assert.equal(code, 1);
  assert.match(stderr, /^umay: no answer from 127\.0\.0\.1:1: /);
});

test("a request to a running umay: by the routes that it serves now, and the backends as they are", async () => {
  await using backend = await startHttpBackend(tellRequest("app"));
  await using umay = await startUmay(`
    workers = 1
    admin.bind = "127.0.0.1:0"
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    [routes.api]
    hosts = ["api.test"]
    path_prefix = "/v1"
    methods = ["POST"]
    headers = { x-user = "7" }
    pool = "app"
    rewrite = { path_prefix = "/" }
    [routes.old]
    hosts = ["old.test"]
    redirect = { host = "api.test" }
    [pools.app]
    discovery = { type = "static", backends = ["${backend.address}"] }`);
  const admin = ["--admin", umay.admin.replace("http://", "")];
  const port = umay.port("web");
  const told = await explainJson(
    `http://api.test:${port}/v1/users?beta=1`,
    "-X",
    "POST",
    "-H",
    "X-User: 7",
    ...admin,
  );
  const { http, pool, worker, served } = told;
  assert.deepEqual([served, worker, http?.route, pool?.backend], [true, 1, "api", backend.address]);
  assert.deepEqual(http?.changes, ["path /v1/users -> /users"]);
  const answer = await ask(port, {
    method: "POST",
    path: "/v1/users?beta=1",
    headers: { host: "api.test", "x-user": "7" },
  });
  assert.equal((JSON.parse(answer.body) as { url: string }).url, "/users?beta=1", "as it was told");
  const missing = await explain("http://api.test/v1/users", "-X", "POST", ...admin);
  assert.equal(missing.code, 1);
  assert.match(missing.stdout, /^not served: no_route/);
  assert.match(missing.stdout, /no: header x-user/);
  assert.deepEqual((await explainJson("http://old.test/x", ...admin)).http?.answer, {
    status: 307,
    reason: null,
    location: "http://api.test/x",
  });
  const wrong = await explain("http://api.test/%zz", ...admin);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /would be answered with 400: bad_percent/);
  const long = await explain(`http://api.test/${"a".repeat(9_000)}`, ...admin);
  assert.match(long.stderr, /too long to be asked about/);
});
