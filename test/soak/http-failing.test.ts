import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../support/child.ts";
import { poolToml } from "../support/client.ts";
import { crowd, percentile, statuses } from "../support/http-crowd.ts";
import { stream } from "../support/http-stream.ts";
import { residentBytes } from "../support/settled.ts";
import { TimedBackend } from "../support/timed-backend.ts";
import { startUmay } from "../support/umay.ts";

const toml = (pools: string, more = ""): string => `
  workers = 2
  log.sessions = false
  admin = { bind = "127.0.0.1:0" }
  [listeners.web]
  bind = "127.0.0.1:0"
  mode = "http"
  ${more}
  ${pools}`;

const route = (name: string): string => `[routes.${name}]\npath_prefix = "/${name}"\npool = "${name}"\n`;

async function restart(backends: readonly TimedBackend[]): Promise<ReadonlySet<string>> {
  await using stack = new AsyncDisposableStack();
  for (const backend of backends) stack.use(backend);
  await using umay = await startUmay(
    toml(
      poolToml(
        "app",
        backends.map(({ address }) => address),
        "outlier.enabled = false\nretry_budget.min = 1000",
      ),
      '[routes.app]\npool = "app"\nretry = { attempts = 10 }\n',
    ),
  );
  let isOver = false;
  const outcomes: string[] = [];
  const load = (async () => {
    while (!isOver) {
      const served = await crowd(umay.port("web"), { clients: 16, requests: 25, path: "/", pause: 1 });
      outcomes.push(...served.map(({ status, reason }) => `${status} ${reason}`.trimEnd()));
    }
  })();
  for (let round = 0; round < 400; round++) {
    const backend = backends[round % backends.length]!;
    await backend.kill();
    await backend.start();
    await sleep(30);
  }
  isOver = true;
  await load;
  assert.ok(outcomes.length > 400, `${outcomes.length} requests`);
  return new Set(outcomes);
}

test("two backends that take turns in 400 restarts cost no request that may be sent twice", async () => {
  const outcomes = await restart([await TimedBackend.start(), await TimedBackend.start()]);
  assert.deepEqual(outcomes, new Set(["200"]));
});

test("the only backend restarts 400 times: a request waits for it, or is told that none could be connected", async (t) => {
  const outcomes = await restart([await TimedBackend.start()]);
  t.diagnostic([...outcomes].join(", "));
  for (const outcome of outcomes) assert.ok(["200", "503 connect_failed"].includes(outcome), outcome);
});

test("a backend that is killed under 500 requests a second costs the POSTs that it had, and no GET", async (t) => {
  await using victim = new Child("timed-backend-child.ts", [20]);
  const others = [await TimedBackend.start({ takes: 20 }), await TimedBackend.start({ takes: 20 })];
  await using stack = new AsyncDisposableStack();
  for (const backend of others) stack.use(backend);
  const addresses = [`127.0.0.1:${await victim.line()}`, ...others.map(({ address }) => address)];
  const pool = poolToml("app", addresses, 'picker = "round-robin"');
  await using umay = await startUmay(toml(pool, `${route("app")}retry = {}\n`));
  const isPost = (number: number): boolean => number % 2 === 1;
  let killed = 0;
  const gone = once(victim.process, "exit").then(() => performance.now());
  const all = await stream(umay.port("web"), {
    rate: 500,
    count: 5_000,
    clients: 64,
    request: (number) => {
      if (number === 2_500) killed = victim.process.kill("SIGKILL") ? performance.now() : 0;
      return { path: `/app/${number}`, method: isPost(number) ? "POST" : "GET" };
    },
  });
  const elsewhere = others.flatMap(({ seen }) => seen).filter((one) => one.startsWith("POST"));
  assert.equal(new Set(elsewhere).size, elsewhere.length, "a POST was seen twice");
  const ended = await gone;
  const had = all.filter(({ began, took }) => began <= ended && began + took >= killed);
  const failed = all.filter(({ status }) => status !== 200);
  t.diagnostic(`${had.length} requests were under way, ${failed.length} POSTs of them failed`);
  for (const { number, status, began } of failed) {
    assert.deepEqual([status, isPost(number), began <= ended], [502, true, true]);
    assert.ok(!elsewhere.includes(`POST /app/${number}`), "the victim never had it");
  }
  for (const [when, some] of Object.entries({
    before: all.filter(({ number }) => number < 2_000),
    after: all.filter(({ number }) => number > 2_500),
  }))
    t.diagnostic(`p99 ${when}: ${Math.round(percentile(some, 0.99))} ms`);
});

test("one of five is ten times slower: the slowest hundredth of requests is twice as fast as with round-robin", async (t) => {
  const times: number[] = [];
  for (const picker of ["round-robin", "peak-ewma"]) {
    await using stack = new AsyncDisposableStack();
    // Long enough that a busy machine does not show.
    const takes = [100, 100, 100, 100, 1_000];
    const backends = await Promise.all(takes.map((each) => TimedBackend.start({ takes: each })));
    for (const backend of backends) stack.use(backend);
    const addresses = backends.map(({ address }) => address);
    await using umay = await startUmay(
      toml(poolToml("app", addresses, `picker = "${picker}"`), route("app")),
    );
    const served = await crowd(umay.port("web"), { clients: 8, requests: 50, path: "/app" });
    assert.deepEqual(statuses(served), { 200: 400 });
    times.push(percentile(served, 0.99));
  }
  const [even, aware] = times as [number, number];
  t.diagnostic(`p99 ${Math.round(aware)} ms, with round-robin ${Math.round(even)} ms`);
  assert.ok(aware <= even / 2);
});

test("three times what its backend can do: four fifths of that are served, in bounded time and memory", async (t) => {
  const most = 8;
  const takes = 200;
  await using backend = await TimedBackend.start({ takes });
  await using umay = await startUmay(
    toml(poolToml("app", [backend.address]), `http = { max_requests = ${most} }\n${route("app")}`),
  );
  const port = umay.port("web");
  const began = performance.now();
  const alone = await crowd(port, { clients: most, requests: 15, path: "/app" });
  const capacity = alone.length / (performance.now() - began);
  assert.deepEqual(statuses(alone), { 200: most * 15 });
  const memory = residentBytes(umay.pid);
  const from = performance.now();
  const rate = 3 * capacity * 1_000;
  const crowded = await stream(port, {
    rate,
    count: Math.round(10 * rate),
    clients: 6 * most,
    request: (number) => ({ path: `/app/${number}` }),
  });
  const goodput = crowded.filter(({ status }) => status === 200).length / (performance.now() - from);
  const served = crowded.filter(({ status }) => status === 200);
  const [slow, slowAlone] = [percentile(served, 0.99), percentile(alone, 0.99)];
  const grown = (residentBytes(umay.pid) - memory) / 2 ** 20;
  t.diagnostic(`${(goodput * 1_000).toFixed(1)} requests/s of ${(capacity * 1_000).toFixed(1)}`);
  t.diagnostic(
    `p99 ${Math.round(slow)} ms, alone ${Math.round(slowAlone)} ms; ${Math.round(grown)} MiB more`,
  );
  assert.ok(goodput >= 0.8 * capacity);
  assert.ok(slow <= 3 * slowAlone + takes);
  assert.ok(grown < 64);
  assert.deepEqual(new Set(crowded.map(({ status }) => status)), new Set([200, 503]));
});
