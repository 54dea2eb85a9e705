import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer as Record } from "dns-packet";
import fc from "fast-check";
import { srvBackends } from "../../src/discovery/srv.ts";
import type { SrvData } from "../../src/lib/dns/message.ts";
import type { DiscoverySpec } from "../../src/model/pool.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { impatient, type Watching, watchDns } from "./watching.ts";

type Srv = readonly [target: string, port: number, priority?: number, weight?: number];

const name = "_api._tcp.test";
const srvSpec = { name, record: "srv", port: undefined } as const satisfies Partial<DiscoverySpec>;

function srvRecords(records: readonly Srv[], ttl = 60): Record[] {
  return records.map(([target, port, priority = 0, weight = 0]) => ({
    name,
    type: "SRV",
    ttl,
    data: { target, port, priority, weight },
  }));
}

const watchSrv = (server: DnsServer, hold = 30_000): Watching =>
  watchDns([server.address], { ...srvSpec, hold });

/** Of the last set: address, weight, tier. */
function ranks(watching: Watching): readonly unknown[] {
  return watching.sets.at(-1)!.map(({ address, weight, tier }) => [address, weight, tier]);
}

test("priorities become tiers, weights become weights, and targets' names come along", async () => {
  await using server = await startDnsServer();
  server.reply(name, "SRV", {
    answers: srvRecords([
      ["spare.test", 81, 30, 1],
      ["b.test", 80, 10, 20],
      ["a.test", 80, 10, 60],
      ["last.test", 80, 65_535, 7],
    ]),
  });
  for (const [index, host] of ["a", "b", "spare", "last"].entries())
    server.answer(`${host}.test`, "A", [`10.0.0.${index + 1}`]);
  await using watching = watchSrv(server);
  await watching.clock.asleep();
  assert.deepEqual(ranks(watching), [
    ["10.0.0.1:80", 60, 0],
    ["10.0.0.2:80", 20, 0],
    ["10.0.0.3:81", 1, 1],
    ["10.0.0.4:80", 1, 2],
  ]);
  assert.deepEqual(
    watching.sets[0]!.map(({ hostName }) => hostName),
    ["a.test", "b.test", "spare.test", "last.test"],
  );
});

test("addresses that come along are used, others are asked for, IPv6 where there is no IPv4", async () => {
  await using server = await startDnsServer();
  server.reply(name, "SRV", {
    answers: srvRecords([
      ["a.test", 80],
      ["b.test", 80],
      ["c.test", 80],
      ["six.test", 80],
    ]),
    additionals: [
      { name: "A.test", type: "A", ttl: 5, data: "10.0.0.1" },
      { name: "b.test", type: "AAAA", ttl: 60, data: "2001:db8::b" },
      { name: "six.test", type: "AAAA", ttl: 60, data: "2001:db8::6" },
      { name: "unasked.test", type: "A", ttl: 60, data: "10.6.6.6" },
    ],
  });
  server.answer("b.test", "A", ["10.0.0.2"]);
  server.answer("c.test", "AAAA", ["2001:db8::c"]);
  server.answer("six.test", "AAAA", []);
  await using watching = watchSrv(server);
  assert.deepEqual(await watching.clock.asleep(), [5_000], "the smallest TTL of all");
  assert.deepEqual(watching.take(), [["10.0.0.1:80", "10.0.0.2:80", "[2001:db8::c]:80", "[2001:db8::6]:80"]]);
  const asked = server.queries.map((query) => `${query.type} ${query.name}`).sort();
  assert.deepEqual(asked, ["A b.test", "A c.test", "A six.test", "AAAA c.test", `SRV ${name}`]);
});

test("the TTLs of records, aliases and addresses all count", async () => {
  await using server = await startDnsServer();
  server.reply(name, "SRV", { answers: srvRecords([["a.test", 80]], 20) });
  server.reply("a.test", "A", {
    answers: [
      { name: "a.test", type: "CNAME", ttl: 9, data: "b.test" },
      { name: "b.test", type: "A", ttl: 30, data: "10.0.0.1" },
    ],
  });
  await using watching = watchSrv(server);
  assert.deepEqual(await watching.clock.asleep(), [9_000]);
  server.answer("a.test", "A", ["10.0.0.1"], 40);
  await watching.round();
  assert.deepEqual(await watching.clock.asleep(), [20_000]);
});

test("a target that fails keeps its last addresses, one that is gone is left out, and both are said", async () => {
  await using server = await startDnsServer();
  server.reply(name, "SRV", {
    answers: srvRecords([
      ["a.test", 80],
      ["b.test", 80],
      ["c.test", 80],
    ]),
  });
  for (const [index, host] of ["a", "b", "c"].entries())
    server.answer(`${host}.test`, "A", [`10.0.0.${index + 1}`]);
  await using watching = watchSrv(server);
  await watching.clock.asleep();
  watching.take();
  server.reply("a.test", "A", { rcode: "SERVFAIL" });
  await watching.round();
  const failing = `${name}: a.test: SERVFAIL from ${server.address}; what was last found of failing targets is kept`;
  assert.deepEqual(watching.take(), [{ message: failing, serving: "last-good" }]);

  server.answer("a.test", "A", ["10.0.0.1"]);
  server.reply("b.test", "A", { rcode: "NXDOMAIN" });
  await watching.round();
  const gone = `${name}: b.test: NXDOMAIN from ${server.address}; they are left out`;
  assert.deepEqual(watching.take(), [
    ["10.0.0.1:80", "10.0.0.3:80"],
    { message: gone, serving: "last-good" },
  ]);

  server.answer("b.test", "A", ["10.0.0.9"]);
  await watching.round();
  assert.deepEqual(watching.take(), [["10.0.0.1:80", "10.0.0.9:80", "10.0.0.3:80"]]);
});

test("when every target fails, all is kept; when every target is gone, hold counts", async () => {
  await using server = await startDnsServer();
  server.reply(name, "SRV", { answers: srvRecords([["a.test", 80]]) });
  server.answer("a.test", "A", ["10.0.0.1"]);
  await using watching = watchSrv(server, 0);
  await watching.clock.asleep();
  watching.take();
  server.reply("a.test", "A", { rcode: "SERVFAIL" });
  await watching.round();
  assert.equal((watching.take()[0] as { serving: string }).serving, "last-good");
  server.reply("a.test", "A", { rcode: "NXDOMAIN" });
  await watching.round();
  assert.deepEqual(watching.take()[0], []);
});

test("a service that is decidedly not available has no backend", async () => {
  await using server = await startDnsServer();
  server.reply(name, "SRV", { answers: srvRecords([[".", 0]]) });
  await using watching = watchSrv(server);
  await watching.clock.asleep();
  const message = `${name}: its SRV records say that it is not available; no backend is known`;
  assert.deepEqual(watching.take(), [{ message, serving: "nothing" }]);
});

test("a record with port 0 is left out, which is said", async () => {
  await using server = await startDnsServer();
  server.reply(name, "SRV", {
    answers: srvRecords([
      ["a.test", 0],
      ["b.test", 80],
    ]),
    additionals: [{ name: "b.test", type: "A", ttl: 60, data: "10.0.0.2" }],
  });
  await using watching = watchSrv(server);
  await watching.clock.asleep();
  const message = `${name}: a.test: port 0; they are left out`;
  assert.deepEqual(watching.take(), [["10.0.0.2:80"], { message, serving: "last-good" }]);
});

test("512 targets over TCP, each asked for, become 512 backends", async () => {
  await using server = await startDnsServer();
  const targets = Array.from({ length: 512 }, (_, index) => `host-${index}.test`);
  for (const [index, target] of targets.entries())
    server.answer(target, "A", [`10.1.${index >> 8}.${index & 255}`]);
  server.reply(name, "SRV", { answers: srvRecords(targets.map((target) => [target, 443])) });
  await using watching = watchSrv(server);
  await watching.clock.asleep();
  assert.equal(watching.sets[0]!.length, 512);
  assert.equal(server.queries.length, 514);
});

test("after a silent first nameserver the second one is asked, for records and targets", async () => {
  await using silent = await startDnsServer();
  await using server = await startDnsServer();
  silent.reply(name, "SRV", "silence");
  silent.reply("a.test", "A", { rcode: "REFUSED" });
  server.reply(name, "SRV", { answers: srvRecords([["a.test", 80]]) });
  server.answer("a.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([silent.address, server.address], srvSpec, impatient);
  await watching.clock.asleep();
  assert.deepEqual(watching.take(), [["10.0.0.1:80"]]);
});

const data = fc.record({
  priority: fc.integer({ min: 0, max: 65_535 }),
  weight: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 65_535 })),
  port: fc.integer({ min: 1, max: 65_535 }),
  target: fc.constantFrom("a.test", "b.test", "c.test", "d.test"),
});
const addresses = new Map([
  ["a.test", ["10.0.0.1"]],
  ["b.test", ["10.0.0.2", "10.0.0.3"]],
  ["c.test", ["10.0.0.4"]],
  ["d.test", []],
]);

test("backends do not depend on the order of the answer, keep to their bounds, and follow priority and weight", () => {
  fc.assert(
    fc.property(fc.array(data, { maxLength: 40 }), fc.nat(), (records, turn) => {
      const backends = srvBackends(records, addresses);
      const at = records.length === 0 ? 0 : turn % records.length;
      const rotated = [...records.slice(at), ...records.slice(0, at)].reverse();
      assert.deepEqual(srvBackends(rotated, addresses), backends);
      const priorities = [
        ...new Set(records.filter(({ target }) => target !== "d.test").map((r) => r.priority)),
      ];
      const order = priorities.sort((left, right) => left - right);
      for (const { address, weight, tier } of backends) {
        assert.ok(Number.isInteger(weight) && weight >= 1 && weight <= 256);
        const leadsHere = (record: SrvData): boolean =>
          addresses.get(record.target)!.some((host) => `${host}:${record.port}` === address);
        const best = Math.min(...records.filter(leadsHere).map(({ priority }) => priority));
        assert.equal(tier, Math.min(15, order.indexOf(best)));
      }
    }),
  );
});

test("weights keep their proportions, a record's is shared by its target's addresses, and 0 is the least", () => {
  const weights = (...records: (readonly [target: string, weight: number])[]): number[] =>
    srvBackends(
      records.map(([target, weight]) => ({ target, weight, priority: 1, port: 80 })),
      addresses,
    ).map(({ weight }) => weight);
  assert.deepEqual(weights(["a.test", 0], ["c.test", 0]), [1, 1]);
  assert.deepEqual(weights(["a.test", 500], ["c.test", 500]), [1, 1]);
  assert.deepEqual(weights(["a.test", 3], ["c.test", 200]), [3, 200]);
  assert.deepEqual(weights(["a.test", 0], ["c.test", 10]), [1, 256]);
  assert.deepEqual(weights(["a.test", 20_000], ["c.test", 60_000]), [85, 256]);
  assert.deepEqual(weights(["a.test", 65_535], ["c.test", 1]), [256, 1]);
  assert.deepEqual(weights(["a.test", 10], ["b.test", 10]), [10, 5, 5]);
});
