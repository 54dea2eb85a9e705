import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { poolToml } from "../support/client.ts";
import { crowd, percentile, statuses } from "../support/http-crowd.ts";
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

test("two backends that take turns in 400 restarts cost no request that may be sent twice", async () => {
  const backends = [await TimedBackend.start(), await TimedBackend.start()];
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
  const outcomes: number[] = [];
  const load = (async () => {
    while (!isOver) {
      const served = await crowd(umay.port("web"), { clients: 16, requests: 25, path: "/", pause: 1 });
      outcomes.push(...served.map(({ status }) => status));
    }
  })();
  for (let round = 0; round < 400; round++) {
    const backend = backends[round % 2]!;
    await backend.kill();
    await backend.start();
    await sleep(30);
  }
  isOver = true;
  await load;
  assert.ok(outcomes.length > 400, `${outcomes.length} requests`);
  assert.deepEqual(new Set(outcomes), new Set([200]));
});

test("one of five is ten times slower: the slowest hundredth of requests is twice as fast as with round-robin", async () => {
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
  assert.ok(aware <= even / 2, `p99 ${aware} ms, round-robin's ${even} ms`);
});

test("three times what its backend can do: four fifths of that are served, in bounded time and memory", async () => {
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
  // Twice as many again wait outside, and ask again and again.
  const crowded = await crowd(port, { clients: 3 * most, requests: 60, path: "/app", pause: takes / 2 });
  const goodput = crowded.filter(({ status }) => status === 200).length / (performance.now() - from);
  assert.ok(goodput >= 0.8 * capacity, `${goodput * 1_000} requests/s of ${capacity * 1_000}`);
  const served = crowded.filter(({ status }) => status === 200);
  assert.ok(percentile(served, 0.99) <= 3 * percentile(alone, 0.99) + takes);
  assert.ok(residentBytes(umay.pid) - memory < 64 * 1_024 * 1_024);
  assert.deepEqual(new Set(crowded.map(({ status }) => status)), new Set([200, 503]));
});
