import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { type DnsReply, startDnsServer } from "../support/dns-server.ts";
import { patient } from "../support/patience.ts";
import { impatient, systemWith, watchDns } from "./watching.ts";

const kept = "the last backends are kept until an answer comes";

/** An address of this machine at which nothing answers. */
async function closedAddress(): Promise<string> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return `127.0.0.1:${port}`;
}

const failures: readonly (readonly [string, Partial<DnsReply> | "silence", string])[] = [
  ["SERVFAIL", { rcode: "SERVFAIL" }, "SERVFAIL"],
  ["REFUSED", { rcode: "REFUSED" }, "REFUSED"],
  ["no answer", "silence", "no answer"],
];
for (const [name, reply, cause] of failures) {
  test(`${name} keeps the last good set for ever, and is told once`, async () => {
    await using server = await startDnsServer();
    server.answer("api.test", "A", ["10.0.0.1"]);
    await using watching = watchDns(
      [server.address],
      { refresh: { min: 1_000, max: 10_000_000 } },
      impatient,
    );
    await watching.clock.asleep();
    assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);

    server.reply("api.test", "A", reply);
    await watching.round();
    const message = `api.test: ${cause} from ${server.address}; ${kept}`;
    assert.deepEqual(watching.take(), [{ message, serving: "last-good" }]);

    for (let i = 0; i < 3; i++) await watching.round();
    assert.deepEqual(watching.take(), []);

    server.answer("api.test", "A", ["10.0.0.1"]);
    await watching.round();
    assert.deepEqual(watching.take(), [["10.0.0.1:443"]], "the same set says that all is well again");

    server.reply("api.test", "A", reply);
    await watching.round();
    assert.deepEqual(watching.take(), [{ message, serving: "last-good" }], "a new outage is told");
  });
}

test("a nameserver where nothing listens is told as such", async () => {
  const address = await closedAddress();
  await using watching = watchDns([address]);
  await watching.clock.asleep();
  const message = `api.test: connection refused from ${address}; no backend is known`;
  assert.deepEqual(watching.take(), [{ message, serving: "nothing" }]);
});

test("an outage that changes its kind is told again, and the last good set survives each kind", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([server.address]);
  await watching.clock.asleep();
  watching.take();

  const told: string[] = [];
  for (const rcode of ["SERVFAIL", "REFUSED", "NXDOMAIN", "SERVFAIL"] as const) {
    server.reply("api.test", "A", { rcode });
    await watching.round();
    for (const seen of watching.take()) {
      assert.ok("serving" in seen && seen.serving === "last-good");
      told.push(seen.message.split(" ")[1]!);
    }
  }
  assert.deepEqual(told, ["SERVFAIL", "REFUSED", "NXDOMAIN", "SERVFAIL"]);

  server.answer("api.test", "A", ["10.0.0.1"]);
  await watching.round();
  assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
});

test("retries back off from the smaller of 1 s and refresh.min, doubling up to refresh.max", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"], 60);
  await using watching = watchDns([server.address], { refresh: { min: 5_000, max: 12_000 } });
  await watching.clock.asleep();
  server.reply("api.test", "A", { rcode: "SERVFAIL" });
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) waits.push(await watching.round());
  assert.deepEqual(waits, [12_000, 1_000, 2_000, 4_000, 8_000, 12_000, 12_000, 12_000]);

  server.answer("api.test", "A", ["10.0.0.1"], 60);
  await watching.round();
  server.reply("api.test", "A", { rcode: "SERVFAIL" });
  await watching.round();
  assert.equal(await watching.round(), 1_000, "a good answer starts the back-off anew");
});

test("while nothing is served, retries come at least every 5 s", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", { rcode: "SERVFAIL" });
  await using watching = watchDns([server.address], { refresh: { min: 500, max: 300_000 } });
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) waits.push(await watching.round());
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
});

test("a name that can't be resolved at the start is served as soon as it appears", async () => {
  await using server = await startDnsServer();
  await using watching = watchDns([server.address]);
  for (let i = 0; i < 20; i++) await watching.round();
  const message = `api.test: NXDOMAIN from ${server.address}; no backend is known`;
  assert.deepEqual(watching.take(), [{ message, serving: "nothing" }]);

  server.answer("api.test", "A", ["10.0.0.1"]);
  await watching.round();
  assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
});

const vanished: readonly (readonly [string, Partial<DnsReply>, string])[] = [
  ["that does not exist any more", { rcode: "NXDOMAIN" }, "NXDOMAIN"],
  ["without an address", {}, "no A record"],
  [
    "whose aliases form a loop",
    {
      answers: [
        { name: "api.test", type: "CNAME", ttl: 60, data: "loop.test" },
        { name: "loop.test", type: "CNAME", ttl: 60, data: "api.test" },
      ],
    },
    "a loop of aliases",
  ],
];
for (const [name, reply, cause] of vanished) {
  test(`a name ${name} keeps its last backends for hold, then loses them once`, async () => {
    await using server = await startDnsServer();
    server.answer("api.test", "A", ["10.0.0.1"]);
    await using watching = watchDns([server.address], { hold: 10_000 });
    await watching.clock.asleep();
    watching.take();

    server.reply("api.test", "A", reply);
    await watching.round();
    const text = `api.test: ${cause} from ${server.address}`;
    const first = { message: `${text}; the last backends are kept for hold = 10 s`, serving: "last-good" };
    assert.deepEqual(watching.take(), [first]);

    // 1 + 2 + 4 s of back-off; the fourth wait is cut to what is left of the 10 s.
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) waits.push(await watching.round());
    assert.deepEqual(watching.take(), []);
    waits.push(await watching.round());
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 3_000]);
    const last = { message: `${text}; no backend is known`, serving: "nothing" };
    assert.deepEqual(watching.take(), [[], last]);

    for (let i = 0; i < 3; i++) await watching.round();
    assert.deepEqual(watching.take(), []);

    server.answer("api.test", "A", ["10.0.0.1"]);
    await watching.round();
    assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
  });
}

test("a name that comes back within hold never lost its backends", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([server.address], { hold: 10_000 });
  await watching.clock.asleep();
  watching.take();
  for (let i = 0; i < 3; i++) {
    server.reply("api.test", "A", { rcode: "NXDOMAIN" });
    await watching.round();
    await watching.round();
    server.answer("api.test", "A", ["10.0.0.1"]);
    await watching.round();
  }
  const seen = watching.take();
  assert.equal(
    seen.length,
    6,
    "one error for each time that it vanished, and the set for each time that it came back",
  );
  for (const one of seen)
    if ("serving" in one) assert.equal(one.serving, "last-good");
    else assert.deepEqual(one, ["10.0.0.1:443"]);
});

test("a failure within hold begins it anew, because it does not say that the name is gone", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"], 1);
  await using watching = watchDns([server.address], { hold: 1_500, refresh: { min: 1_000, max: 1_000 } });
  await watching.clock.asleep();
  watching.take();
  for (const rcode of ["NXDOMAIN", "SERVFAIL", "NXDOMAIN"] as const) {
    server.reply("api.test", "A", { rcode });
    await watching.round();
  }
  assert.ok(watching.take().every((one) => "serving" in one && one.serving === "last-good"));
  await watching.round();
  await watching.round();
  assert.deepEqual(watching.take()[0], []);
});

test("a hold of 0 drops the backends with the first answer that there are none", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([server.address], { hold: 0 });
  await watching.clock.asleep();
  watching.take();
  server.reply("api.test", "A", { rcode: "NXDOMAIN" });
  await watching.round();
  assert.deepEqual(watching.take()[0], []);
});

test("when one of two record types fails, its last good addresses join what the other one found", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  server.answer("api.test", "AAAA", ["2001:db8::1"]);
  await using watching = watchDns([server.address], { record: "a+aaaa" });
  await watching.clock.asleep();
  watching.take();

  server.answer("api.test", "A", ["10.0.0.2"], 60);
  server.reply("api.test", "AAAA", { rcode: "SERVFAIL" });
  await watching.round();
  const cause = `api.test: AAAA: SERVFAIL from ${server.address}`;
  assert.deepEqual(watching.take(), [
    ["10.0.0.2:443", "[2001:db8::1]:443"],
    { message: `${cause}; what was last found of this type is kept`, serving: "last-good" },
  ]);
  assert.equal(await watching.round(), 1_000, "the failed type is not left alone for the other one's TTL");

  server.reply("api.test", "AAAA", {});
  await watching.round();
  assert.deepEqual(watching.take(), [["10.0.0.2:443"]], "an answer that there are none is believed");
});

test("when one of two record types fails and the other is empty, everything is kept", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([server.address], { record: "a+aaaa", hold: 0 });
  await watching.clock.asleep();
  watching.take();
  server.reply("api.test", "A", { rcode: "SERVFAIL" });
  await watching.round();
  const from = `from ${server.address}`;
  const message = `api.test: A: SERVFAIL ${from}; AAAA: no AAAA record ${from}; ${kept}`;
  assert.deepEqual(watching.take(), [{ message, serving: "last-good" }]);
});

test("when both record types are gone, hold counts", async () => {
  await using server = await startDnsServer();
  server.answer("api.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([server.address], { record: "a+aaaa", hold: 1_000 });
  await watching.clock.asleep();
  watching.take();
  server.reply("api.test", "A", {});
  await watching.round();
  assert.equal((watching.take()[0] as { serving: string }).serving, "last-good");
  await watching.round();
  assert.deepEqual(watching.take()[0], []);
});

for (const [name, reply] of [
  ["silent", "silence"],
  ["failing", { rcode: "SERVFAIL" }],
  ["refusing", { rcode: "REFUSED" }],
] as const) {
  test(`after a ${name} first nameserver the second one is asked`, async () => {
    await using first = await startDnsServer();
    await using second = await startDnsServer();
    first.reply("api.test", "A", reply);
    second.answer("api.test", "A", ["10.0.0.1"]);
    await using watching = watchDns([first.address, second.address], {}, impatient);
    await watching.clock.asleep();
    assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
    assert.equal(first.queries.length, 1);
  });
}

test("a first nameserver that says that the name does not exist is believed", async () => {
  await using first = await startDnsServer();
  await using second = await startDnsServer();
  second.answer("api.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([first.address, second.address]);
  await watching.clock.asleep();
  assert.equal((watching.take()[0] as { serving: string }).serving, "nothing");
  assert.equal(second.queries.length, 0);
});

test("when every nameserver fails, each one's failure is told", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", { rcode: "SERVFAIL" });
  const closed = await closedAddress();
  await using watching = watchDns([server.address, closed]);
  await watching.clock.asleep();
  const message = `api.test: SERVFAIL from ${server.address}, connection refused from ${closed}; no backend is known`;
  assert.deepEqual(watching.take(), [{ message, serving: "nothing" }]);
});

test("a nameserver that is no IP address is an error, not an exception", async () => {
  await using watching = watchDns(["dns.test:53"]);
  await watching.clock.asleep();
  const message = "api.test: dns.test:53 is no IP address with a port; no backend is known";
  assert.deepEqual(watching.take(), [{ message, serving: "nothing" }]);
});

test("a name that DNS can't carry is an error, not an exception", async () => {
  await using server = await startDnsServer();
  await using watching = watchDns([server.address], { name: `${"a".repeat(64)}.test` });
  await watching.clock.asleep();
  assert.equal((watching.take()[0] as { serving: string }).serving, "nothing");
  assert.equal(server.queries.length, 0);
});

test("a packet lost on the way is asked for again", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", "silence");
  await using watching = watchDns([server.address], {}, { query: { timeout: patient(300), tries: 2 } });
  await server.queried(1);
  server.answer("api.test", "A", ["10.0.0.1"]);
  await watching.clock.asleep();
  assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
  assert.equal(server.queries.length, 2);
});

test("a slow answer is waited for, and needs none of the threads that file access needs", async () => {
  await using server = await startDnsServer();
  const answers = [{ name: "api.test", type: "A" as const, ttl: 60, data: "10.0.0.1" }];
  const late = Promise.withResolvers<void>();
  server.reply("api.test", "A", { answers, after: late.promise });
  const waiting = { query: { timeout: patient(10_000), tries: 1 } };
  const pools = Array.from({ length: 8 }, () => watchDns([server.address], {}, waiting));
  await server.queried(8);
  await stat(import.meta.filename);
  assert.ok(pools.every(({ seen }) => seen.length === 0));
  late.resolve();
  for (const pool of pools) {
    await pool.clock.asleep();
    assert.deepEqual(pool.take(), [["10.0.0.1:443"]]);
    await pool.stop();
  }
});

test("without nameservers the system's are asked, read anew for every round", async () => {
  await using first = await startDnsServer();
  await using second = await startDnsServer();
  first.answer("api.test", "A", ["10.0.0.1"]);
  second.answer("api.test", "A", ["10.0.0.2"]);
  let nameservers = [first.address];
  const system = async () => systemWith({ nameservers });
  await using watching = watchDns([], {}, { system });
  await watching.clock.asleep();
  nameservers = [second.address];
  await watching.round();
  assert.deepEqual(watching.take(), [["10.0.0.1:443"], ["10.0.0.2:443"]]);
});
