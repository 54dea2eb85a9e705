import assert from "node:assert/strict";
import { test } from "node:test";
import { startDnsServer } from "../support/dns-server.ts";
import { patient } from "../support/patience.ts";
import { watchDns } from "./watching.ts";

test("the addresses of a name become backends with its port, weight 1 and no backup", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([server.address], { port: 8443 });
  await watching.clock.asleep();
  assert.deepEqual(watching.sets, [
    [
      {
        address: "10.0.0.1:8443",
        target: { kind: "tcp", host: "10.0.0.1", port: 8443 },
        weight: 1,
        tier: 0,
      },
    ],
  ]);
  assert.deepEqual(watching.take(), [["10.0.0.1:8443"]]);
  assert.deepEqual(server.queries, [{ name: "api.test", type: "A", transport: "udp" }]);
});

test("AAAA records alone are enough, and their addresses stand in brackets", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "AAAA", ["2001:db8::2", "2001:db8::1"]);
  await using watching = watchDns([server.address], { record: "aaaa" });
  await watching.clock.asleep();
  assert.deepEqual(watching.take(), [["[2001:db8::1]:443", "[2001:db8::2]:443"]]);
  assert.deepEqual(
    server.queries.map(({ type }) => type),
    ["AAAA"],
  );
});

test("a+aaaa asks for both types and joins them", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  server.answer("api.test", "AAAA", ["2001:db8::1"]);
  await using watching = watchDns([server.address], { record: "a+aaaa" });
  await watching.clock.asleep();
  assert.deepEqual(watching.take(), [["10.0.0.1:443", "[2001:db8::1]:443"]]);
});

test("with a+aaaa, a name that has only one of the two types is no failure", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([server.address], { record: "a+aaaa" });
  await watching.clock.asleep();
  assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
});

test("a set that changes is yielded whole, one that was only rotated or repeated is not", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.2", "10.0.0.1", "10.0.0.3"]);
  await using watching = watchDns([server.address]);
  await watching.clock.asleep();
  assert.deepEqual(watching.take(), [["10.0.0.1:443", "10.0.0.2:443", "10.0.0.3:443"]]);

  server.answer("api.test", "A", ["10.0.0.3", "10.0.0.1", "10.0.0.2", "10.0.0.1"]);
  await watching.round();
  assert.deepEqual(watching.take(), []);

  server.answer("api.test", "A", ["10.0.0.4", "10.0.0.1"]);
  await watching.round();
  assert.deepEqual(watching.take(), [["10.0.0.1:443", "10.0.0.4:443"]]);
});

test("the next query comes when the smallest TTL has passed, held between refresh.min and refresh.max", async () => {
  await using server = await startDnsServer();
  const record = (data: string, ttl: number) => ({ name: "api.test", type: "A" as const, ttl, data });
  const waits: number[] = [];
  server.reply("api.test", "A", { answers: [record("10.0.0.1", 60), record("10.0.0.2", 20)] });
  await using watching = watchDns([server.address], { refresh: { min: 5_000, max: 50_000 } });
  for (const ttl of [0, 4, 51, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    await watching.clock.asleep();
    server.answer("api.test", "A", ["10.0.0.1"], ttl);
    waits.push(await watching.round());
  }
  waits.push(await watching.round());
  assert.deepEqual(waits, [20_000, 5_000, 5_000, 50_000, 50_000, 50_000, 50_000]);
});

test("with a+aaaa the smaller TTL of both types counts", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"], 60);
  server.answer("api.test", "AAAA", ["2001:db8::1"], 7);
  await using watching = watchDns([server.address], { record: "a+aaaa" });
  assert.deepEqual(await watching.clock.asleep(), [7_000]);
});

test("jitter adds at most a tenth to the wait", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"], 60);
  for (const [random, expected] of [
    [0, 60_000],
    [0.5, 63_000],
    [0.999, 65_994],
  ] as const) {
    await using watching = watchDns([server.address], {}, { random: () => random });
    const [wait = 0] = await watching.clock.asleep();
    assert.equal(Math.round(wait), expected);
  }
});

test("a TTL of 0 with a refresh.min of 0 does not ask without a pause", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"], 0);
  await using watching = watchDns([server.address], { refresh: { min: 0, max: 0 } });
  const [wait = 0] = await watching.clock.asleep();
  assert.ok(wait >= 10);
});

test("an answer of 512 addresses comes over TCP and becomes 512 backends with the TTL of the last one", async () => {
  await using server = await startDnsServer();
  const addresses = Array.from({ length: 512 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
  server.reply("api.test", "A", {
    answers: addresses.map((data, index) => ({
      name: "api.test",
      type: "A",
      ttl: index === 511 ? 9 : 60,
      data,
    })),
  });
  await using watching = watchDns([server.address]);
  assert.deepEqual(await watching.clock.asleep(), [9_000]);
  assert.deepEqual(
    new Set(watching.take()[0] as readonly string[]),
    new Set(addresses.map((a) => `${a}:443`)),
  );
  assert.deepEqual(
    server.queries.map(({ transport }) => transport),
    ["udp", "tcp"],
  );
});

test("a truncated answer is asked for again over TCP", async () => {
  await using server = await startDnsServer();
  const answers = [{ name: "api.test", type: "A" as const, ttl: 60, data: "10.0.0.1" }];
  server.reply("api.test", "A", { answers, truncated: true });
  await using watching = watchDns([server.address]);
  await watching.clock.asleep();
  assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
  assert.deepEqual(
    server.queries.map(({ transport }) => transport),
    ["udp", "tcp"],
  );
});

test("an alias is followed, and its TTL counts", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", {
    answers: [
      { name: "api.test", type: "CNAME", ttl: 3, data: "real.test" },
      { name: "real.test", type: "A", ttl: 60, data: "10.0.0.1" },
    ],
  });
  await using watching = watchDns([server.address]);
  assert.deepEqual(await watching.clock.asleep(), [3_000]);
  assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
});

test("names are absolute, with or without a dot at the end", async () => {
  await using server = await startDnsServer();
  server.answer("echo", "A", ["10.0.0.1"]);
  for (const name of ["echo", "echo."]) {
    await using watching = watchDns([server.address], { name });
    await watching.clock.asleep();
    assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
  }
  assert.deepEqual(
    server.queries.map(({ name }) => name),
    ["echo", "echo"],
  );
});

test("a server that drops queries with EDNS is asked without, and so is asked first from then on", async () => {
  await using server = await startDnsServer();
  const answers = [{ name: "api.test", type: "A", ttl: 1, data: "10.0.0.1" }] as const;
  const extended: boolean[] = [];
  server.reply("api.test", "A", (query) => {
    const edns = (query.additionals ?? []).some(({ type }) => type === "OPT");
    extended.push(edns);
    return edns ? { after: new Promise(() => {}) } : { answers };
  });
  const query = { timeout: patient(300), tries: 2 };
  await using watching = watchDns([server.address], {}, { query });
  await watching.yielded(1);
  assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
  await watching.round();
  assert.deepEqual(extended, [true, false, false]);
});

test("with linger, answers that are a part of the set change nothing, and what is missing for longer leaves", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1", "10.0.0.2"], 10);
  await using watching = watchDns([server.address], { linger: 25_000 });
  await watching.yielded(1);
  server.answer("api.test", "A", ["10.0.0.3"], 10);
  await watching.round();
  server.answer("api.test", "A", ["10.0.0.2"], 10);
  assert.equal(await watching.round(), 10_000);
  assert.deepEqual(watching.take(), [
    ["10.0.0.1:443", "10.0.0.2:443"],
    ["10.0.0.1:443", "10.0.0.2:443", "10.0.0.3:443"],
  ]);
  // 10.0.0.1 was last there 20 s ago.
  assert.equal(await watching.round(), 5_000);
  assert.deepEqual(watching.take(), [["10.0.0.2:443", "10.0.0.3:443"]]);
  server.reply("api.test", "A", { rcode: "NXDOMAIN" });
  for (let passed = 0; passed < 40_000; ) passed += await watching.round();
  assert.deepEqual(watching.take().at(-1), {
    message: `api.test: NXDOMAIN from ${server.address}; no backend is known`,
    serving: "nothing",
  });
});
