import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { poolToml } from "../support/client.ts";
import { crowd, median, statuses } from "../support/http-crowd.ts";
import { settled } from "../support/settled.ts";
import { TimedBackend } from "../support/timed-backend.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** The pools, by name, with their settings and the times of their backends. */
const pools = {
  "round-robin": { settings: 'picker = "round-robin"', takes: [10, 10, 10, 10, 100], retry: "" },
  "peak-ewma": { settings: 'picker = "peak-ewma"', takes: [10, 10, 10, 10, 100], retry: "" },
  limited: {
    settings: 'http.max_requests_per_backend = 2\nqueue = { size = 8, timeout = "200ms" }',
    takes: [150],
    retry: "",
  },
  broken: { settings: "outlier.enabled = false", takes: [0, 0, 0], retry: "retry = {}" },
  dying: { settings: 'picker = "round-robin"', takes: [2, 2, 2], retry: "retry = {}" },
} as const;

type PoolName = keyof typeof pools;
const names = Object.keys(pools) as PoolName[];

describe("backends that are slow, full, broken or gone", () => {
  const stack = new AsyncDisposableStack();
  const backends = new Map<PoolName, readonly TimedBackend[]>();
  let umay: RunningUmay;

  before(async () => {
    for (const name of names) {
      const all = await Promise.all(
        pools[name].takes.map((takes) =>
          TimedBackend.start({ takes, ...(name === "broken" && { status: 503 }) }),
        ),
      );
      backends.set(
        name,
        all.map((backend) => stack.use(backend)),
      );
    }
    const tables = names.map((name) => {
      const { settings, retry } = pools[name];
      const addresses = backends.get(name)!.map(({ address }) => address);
      return `[routes.${name}]\npath_prefix = "/${name}"\npool = "${name}"\n${retry}\n${poolToml(name, addresses, settings)}`;
    });
    umay = stack.use(
      await startUmay(
        `workers = 2
        admin = { bind = "127.0.0.1:0" }
        [listeners.web]
        bind = "127.0.0.1:0"
        mode = "http"
        ${tables.join("\n")}`,
      ),
    );
  });
  after(() => stack.disposeAsync());

  test("one of five is ten times slower: by answer times, requests keep away from it", async () => {
    const slow = async (pool: PoolName): Promise<number> => {
      const outcomes = await crowd(umay.port("web"), { clients: 8, requests: 20, path: `/${pool}` });
      assert.deepEqual(statuses(outcomes), { 200: 160 });
      return backends.get(pool)!.at(-1)!.seen.length;
    };
    assert.ok((await slow("round-robin")) >= 28);
    assert.ok((await slow("peak-ewma")) <= 12);
  });

  test("no backend has more requests than it may, over all workers, and those that are too many are told", async () => {
    const [backend] = backends.get("limited")!;
    const outcomes = await crowd(umay.port("web"), { clients: 14, requests: 1, path: "/limited" });
    const reasons = outcomes.map(({ status, reason }) => (status === 200 ? "served" : reason));
    const count = (wanted: string): number => reasons.filter((reason) => reason === wanted).length;
    assert.equal(backend!.mostActive, 2);
    assert.equal(count("queue_full"), 4);
    assert.equal(count("served") + count("queue_timeout"), 10);
    assert.ok(count("served") >= 2 && count("queue_timeout") >= 2, reasons.join());
    await settled(umay);
  });

  test("a pool in which every backend fails gets at most a fifth more than its load", async () => {
    const load = 300;
    const outcomes = await crowd(umay.port("web"), { clients: 6, requests: load / 6, path: "/broken" });
    assert.deepEqual(statuses(outcomes), { 503: load });
    const sent = backends.get("broken")!.reduce((sum, { seen }) => sum + seen.length, 0);
    assert.ok(sent > load && sent <= load * 1.2, `${sent} requests came of ${load}`);
    const retries = await umay.metric("umay_request_retries_total", { pool: "broken", reason: "status" });
    assert.equal(retries, sent - load);
    const refused = await umay.metric("umay_request_retries_refused_total", {
      pool: "broken",
      reason: "budget",
    });
    assert.ok(refused >= load - 60);
  });

  test("a backend that dies under load costs no request that may be sent again, and of others those that it had", async () => {
    const [victim, ...others] = backends.get("dying")!;
    const path = "/dying";
    const gets = crowd(umay.port("web"), { clients: 4, requests: 60, path, pause: 2 });
    const posts = crowd(umay.port("web"), { clients: 4, requests: 60, path, pause: 2, method: "POST" });
    while (victim!.seen.length < 40 || victim!.active === 0) await sleep(1);
    const had = victim!.active;
    await victim!.kill();
    assert.deepEqual(statuses(await gets), { 200: 240 });
    const failed = (await posts).filter(({ status }) => status !== 200);
    // Besides those that it had, some may have been on their way to it.
    assert.ok(failed.length <= had + 4, `${failed.length} POSTs failed, ${had} were there`);
    for (const { status } of failed) assert.equal(status, 502);
    const all = [victim!, ...others].flatMap(({ seen }) => seen).filter((one) => one.startsWith("POST"));
    assert.equal(new Set(all).size, all.length, "a POST was seen twice");
  });
});

describe("three times as many requests as a backend can do", () => {
  const most = 4;
  const takes = 20;

  test("cost those that are served little, are told at once, and leave umay's own answers as they are", async () => {
    await using backend = await TimedBackend.start({ takes });
    await using umay = await startUmay(
      `workers = 2
      admin = { bind = "127.0.0.1:0" }
      [listeners.web]
      bind = "127.0.0.1:0"
      mode = "http"
      pool = "app"
      http = { max_requests = ${most} }
      [routes.health]
      path_prefix = "/health"
      respond = { body = "fine" }
      ${poolToml("app", [backend.address])}`,
    );
    const port = umay.port("web");
    const health = crowd(port, { clients: 1, requests: 20, path: "/health", pause: 5 });
    const load = crowd(port, { clients: 3 * most, requests: 40, path: "/app", pause: takes });
    assert.equal((await umay.readiness()).status, 200);
    const outcomes = await load;
    assert.deepEqual(statuses(await health), { 200: 20 });
    const served = outcomes.filter(({ status }) => status === 200);
    const refused = outcomes.filter(({ status }) => status !== 200);
    assert.ok(served.length > 100 && refused.length > 100, JSON.stringify(statuses(outcomes)));
    for (const { status, reason } of refused) assert.deepEqual([status, reason], [503, "overloaded"]);
    assert.equal(backend.mostActive, most);
    assert.ok(median(refused) < median(served), "those that are refused wait as long");
    const told = await umay.logged(({ reason }) => reason === "overloaded");
    assert.equal(told["level"], "warn");
    assert.equal(await umay.metric("umay_requests_total", { status: "overloaded" }), refused.length);
  });
});
