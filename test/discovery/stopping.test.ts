import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { discover } from "../../src/cli/discover.ts";
import { systemDependencies } from "../../src/discovery/dependencies.ts";
import { createDiscovery } from "../../src/discovery/registry.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { dnsDefaults, fakeDependencies, watchDns } from "./watching.ts";

const discovery = new URL("../../src/cli/discover.ts", import.meta.url).href;

test("aborting cancels the query that is under way, and yields nothing", async () => {
  await using server = await startDnsServer();
  for (const type of ["A", "AAAA"] as const) server.reply("api.test", type, "silence");
  const patient = { query: { timeout: 60_000, tries: 4 } };
  const watching = watchDns([server.address, server.address], { record: "a+aaaa" }, patient);
  await server.queried(2);
  await watching.stop();
  assert.deepEqual(watching.seen, []);
  assert.equal(server.queries.length, 2, "the second nameserver is not asked any more");
});

test("aborting ends the wait for the next query", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  const watching = watchDns([server.address]);
  await watching.clock.asleep();
  await watching.stop();
  assert.equal(watching.clock.sleeping, 0);
  assert.equal(server.queries.length, 1);
});

test("a source whose signal has aborted asks nothing and ends", async () => {
  await using server = await startDnsServer();
  for await (const _ of discover({ ...dnsDefaults, nameservers: [server.address] }).watch(
    AbortSignal.abort(),
  ))
    assert.fail("nothing may be yielded");
  assert.equal(server.queries.length, 0);
});

test("aborting with a result in hand means that no other one comes", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  server.reply("api.test", "AAAA", { rcode: "SERVFAIL" });
  const backends = ["10.0.0.1", "absent.test"].map((host) => ({
    address: `${host}:80`,
    target: { kind: "tcp" as const, host, port: 80 },
    weight: 1,
    tier: 0,
  }));
  const dependencies = fakeDependencies({ lookup: () => Promise.reject(new Error("unknown")) });
  for (const spec of [
    { ...dnsDefaults, record: "a+aaaa" as const, nameservers: [server.address] },
    { type: "static" as const, backends },
  ]) {
    const stop = new AbortController();
    const results: boolean[] = [];
    for await (const { ok } of createDiscovery(spec, dependencies).watch(stop.signal)) {
      results.push(ok);
      stop.abort();
    }
    assert.deepEqual(results, [true]);
  }
});

test("the system's clock sleeps until it is woken, also when the time is longer than a timer can take", async () => {
  const stop = new AbortController();
  let awake = false;
  const sleep = systemDependencies.clock.sleep(2 ** 40, stop.signal).then(() => {
    awake = true;
  });
  // A timer that Node has cut to 1 ms would fire before this one.
  await systemDependencies.clock.sleep(20, stop.signal);
  assert.equal(awake, false);
  stop.abort();
  await sleep;
});

/** Watches the pools of its first argument, aborts when all but one have yielded, and says what is left then. */
const program = `
  import { discover } from ${JSON.stringify(discovery)};
  const stop = new AbortController();
  const specs = JSON.parse(process.argv[1]);
  let silent = specs.length;
  await Promise.all(specs.map(async (spec) => {
    for await (const result of discover(spec).watch(stop.signal)) if (--silent === 1) stop.abort();
  }));
  // Handles that are being closed are gone in the next turn.
  setImmediate(() => setImmediate(() => console.log(JSON.stringify(process.getActiveResourcesInfo()))));
`;

test("after an abort no query and no timer is left that would keep the process alive", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", "silence");
  server.answer("found.test", "A", ["10.0.0.1"], 3_600);
  const nameservers = [server.address];
  const target = { kind: "tcp", host: "localhost", port: 80 };
  const specs = [
    { ...dnsDefaults, nameservers },
    { ...dnsDefaults, nameservers, name: "found.test" },
    { ...dnsDefaults, nameservers, name: "absent.test" },
    { type: "static", backends: [{ address: "localhost:80", target, weight: 1, tier: 0 }] },
  ];
  const args = ["--input-type=module", "--eval", program, JSON.stringify(specs)];
  const child = endWithTest(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] }));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  assert.equal(code, 0);
  const left: string[] = JSON.parse(output);
  assert.deepEqual(
    left.filter((resource) => !/Pipe|TTY|FileHandle|Immediate/.test(resource)),
    [],
  );
});
