import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { Agent } from "node:http";
import { test } from "node:test";
import { promisify } from "node:util";
import { createAddressTable } from "../../src/channel/address-table.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { ask } from "../support/http.ts";
import { patient } from "../support/patience.ts";
import { Pipelined } from "../support/pipelined.ts";
import { residentBytes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

const MiB = 2 ** 20;
/** The old generation of a worker's heap grows so far before V8 looks for what is dead in it, whatever it serves. */
const heapOfWorker = 64 * MiB;

test("each of a million keys is remembered, in the memory that the table has and no more", async (t) => {
  const [keys, workers] = [1_000_000, 2];
  await using umay = await startUmay(`
    workers = ${workers}
    log.sessions = false
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    max_requests_per_connection = 0
    [rate_limits.slow]
    key = ["header:x-key"]
    rate = "1/h"
    burst = 1
    keys = ${keys}
    [routes.all]
    rate_limit = ["slow"]
    respond = { body = "hello" }`);
  using client = await Pipelined.connect(umay.port("web"), 16);
  const answers = async (requests: number, keyOf: (index: number) => string) =>
    Object.fromEntries(await client.ask(requests, (index) => `x-key: ${keyOf(index)}`));
  // The memory that workers need to be at work does not count.
  assert.deepEqual(await answers(300_000, () => "warm"), { 200: 1, 429: 299_999 });
  const before = residentBytes(umay.pid);
  const grown: number[] = [];
  for (const [kind, expected] of [
    ["a", { 200: keys }],
    ["a", { 429: keys }],
    ["b", { 200: keys }],
  ] as const) {
    assert.deepEqual(await answers(keys, (index) => kind + index), expected);
    grown.push(residentBytes(umay.pid) - before);
  }
  const told = grown.map((bytes) => `${(bytes / MiB).toFixed(1)} MiB`).join(", ");
  t.diagnostic(`a million keys, the same again, a million others: ${told}`);
  const { byteLength } = createAddressTable(keys, workers, 0);
  assert.ok(Math.max(...grown) < byteLength + workers * heapOfWorker, told);
});

const h2load = spawnSync("h2load", ["--version"]).error !== undefined && "h2load is not installed";

/** Makes so many requests, each of which is answered. @returns how many had a status of 2xx and of 4xx, and how many came in a second. */
async function load(url: string, requests: number) {
  const args = ["--h1", "-n", String(requests), "-c", "64", url];
  const running = promisify(execFile)("h2load", args, { timeout: patient(300_000) });
  endWithTest(running.child);
  const { stdout } = await running;
  const [, passed, refused] = /status codes: (\d+) 2xx, 0 3xx, (\d+) 4xx, 0 5xx/.exec(stdout) ?? [];
  const [, each] = /finished in .*, ([\d.]+) req\/s/.exec(stdout) ?? [];
  assert.equal(Number(passed) + Number(refused), requests, stdout);
  return { passed: Number(passed), each: Number(each) };
}

test("four workers under all the requests that they can take let through what a limit says, ±1", {
  skip: h2load,
}, async (t) => {
  const requests = 300_000;
  const [total, burst, rate] = [50_000, 1_000, 200];
  await using umay = await startUmay(`
    workers = 4
    log.sessions = false
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    max_requests_per_connection = 0
    [rate_limits.total]
    key = ["route"]
    rate = "1/h"
    burst = ${total}
    [rate_limits.rate]
    key = ["route"]
    rate = "${rate}/s"
    burst = ${burst}
    fields = "always"
    [routes.total]
    path = "/total"
    rate_limit = ["total"]
    respond = { body = "hello" }
    [routes.rate]
    path = "/rate"
    rate_limit = ["rate"]
    respond = { body = "hello" }`);
  const url = `http://127.0.0.1:${umay.port("web")}`;
  const once = await load(`${url}/total`, requests);
  assert.equal(once.passed, total);

  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  /** One request, and when umay judged it: between two times. */
  const one = async () => {
    const sent = performance.now();
    const { status, headers } = await ask(umay.port("web"), { path: "/rate", agent });
    const [, left] = /r=(\d+)/.exec(String(headers["ratelimit"])) ?? [];
    return { passed: status === 200 ? 1 : 0, left: Number(left), sent, got: performance.now() };
  };
  // A bucket that is full loses what the rate gives: it is nearly empty when the load begins.
  await load(`${url}/rate`, 3 * burst);
  const first = await one();
  const under = await load(`${url}/rate`, requests);
  let last = await one();
  let passed = under.passed + last.passed;
  // Another process may have held one up: then when it was judged is not known well enough.
  for (let tries = 0; last.got - last.sent > 1_000 / rate && tries < 100; tries++) {
    last = await one();
    passed += last.passed;
  }
  // Whole tokens are told of what is left.
  const could = (time: number): number => first.left - last.left + (time * rate) / 1_000;
  const [least, most] = [could(last.sent - first.got), could(last.got - first.sent)];
  t.diagnostic(
    `${Math.round(once.each)} and ${Math.round(under.each)} requests a second; ${passed} passed, ${least.toFixed(2)} to ${most.toFixed(2)} could`,
  );
  assert.ok(passed >= least - 1 && passed <= most + 1, `${passed} of ${least} to ${most}`);
  const { workers } = await umay.status();
  assert.equal(workers.length, 4);
  // On a machine with less to do than this test it is several times that.
  assert.ok(
    patient(10) > 10 || Math.min(once.each, under.each) > 10_000,
    `${once.each}, ${under.each} requests a second`,
  );
});
