import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import dns, { type DecodedPacket, type Answer as Record } from "dns-packet";
import fc from "fast-check";
import { type Answer, Resolver } from "../../../src/lib/dns/resolver.ts";
import { type DnsReplier, type DnsServer, startDnsServer } from "../../support/dns-server.ts";

const a = (data: string, name = "api.test", ttl = 60): Record => ({ name, type: "A", ttl, data });
const alias = (name: string, data: string, ttl = 60): Record => ({ name, type: "CNAME", ttl, data });
const soa: Record = {
  name: "test",
  type: "SOA",
  data: { mname: "ns.test", rname: "root.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 },
};

const never = new AbortController().signal;

function ask(servers: readonly DnsServer[], name = "api.test", timeout = 5_000, tries = 1): Promise<Answer> {
  const resolver = new Resolver({ servers: servers.map(({ address }) => address), timeout, tries });
  return resolver.ask(name, "A", never);
}

function addresses(answer: Answer): readonly unknown[] {
  assert.equal(answer.kind, "found", JSON.stringify(answer));
  return answer.kind === "found" ? answer.records.map(({ data }) => data) : [];
}

function causeOf(answer: Answer): string {
  assert.notEqual(answer.kind, "found");
  return answer.kind === "found" ? "" : `${answer.kind}: ${answer.cause}`;
}

const hasEdns = (query: DecodedPacket): boolean => query.additionals!.some(({ type }) => type === "OPT");

/** The answer that an attacker would have it take for the true one. */
function forged(query: DecodedPacket, changes: Partial<dns.Packet> = {}): Buffer {
  const { id, questions } = query;
  return dns.encode({
    type: "response",
    id: id!,
    questions: questions!,
    answers: [a("6.6.6.6")],
    ...changes,
  });
}

const forgeries: { readonly [what: string]: (query: DecodedPacket) => Buffer } = {
  "another id": (query) => forged(query, { id: (query.id! + 1) % 65_536 }),
  "another name": (query) => forged(query, { questions: [{ name: "evil.test", type: "A" }] }),
  "another type": (query) => forged(query, { questions: [{ name: "api.test", type: "AAAA" }] }),
  "another class": (query) => forged(query, { questions: [{ name: "api.test", type: "A", class: "CH" }] }),
  "no question": (query) => forged(query, { questions: [] }),
  "a question too many": (query) => forged(query, { questions: [...query.questions!, ...query.questions!] }),
  "the query itself": (query) => forged(query, { type: "query" }),
  "a header that is cut": (query) => forged(query).subarray(0, 11),
  nothing: () => Buffer.alloc(0),
};
for (const [what, forge] of Object.entries(forgeries))
  test(`a forged answer with ${what} is passed over, and the right one is taken`, async () => {
    await using server = await startDnsServer();
    server.reply("api.test", "A", (query) => ({ before: [forge(query)], answers: [a("10.0.0.1")] }));
    assert.deepEqual(addresses(await ask([server])), ["10.0.0.1"]);
  });

test("an answer with everything right, but from another socket, is passed over", async (t) => {
  await using server = await startDnsServer();
  const attacker = createSocket("udp4").bind(0, "127.0.0.1");
  await once(attacker, "listening");
  t.after(() => attacker.close());
  server.reply("api.test", "A", (query, peer) => {
    const sent = Promise.withResolvers<void>();
    attacker.send(forged(query), peer!.port, peer!.address, () => sent.resolve());
    return { after: sent.promise, answers: [a("10.0.0.1")] };
  });
  assert.deepEqual(addresses(await ask([server])), ["10.0.0.1"]);
});

test("records that do not belong to the name are not taken, wherever they stand", async () => {
  await using server = await startDnsServer();
  const other: Record[] = [a("6.6.6.6", "evil.test"), alias("evil.test", "api.test")];
  const bad: Record = { name: "api.test", type: "A", class: "CH", ttl: 1, data: "6.6.6.7" };
  server.reply("api.test", "A", { answers: [...other, bad, a("10.0.0.1")], additionals: [a("6.6.6.8")] });
  assert.deepEqual(addresses(await ask([server])), ["10.0.0.1"]);
});

test("ids and ports are drawn anew for every query", async () => {
  await using server = await startDnsServer();
  const ids = new Set<number>();
  const ports = new Set<number>();
  server.reply("api.test", "A", (query, peer) => {
    ids.add(query.id!);
    ports.add(peer!.port);
    return { answers: [a("10.0.0.1")] };
  });
  for (let count = 0; count < 50; count++) await ask([server]);
  assert.ok(ids.size >= 48, `${ids.size} ids`);
  assert.ok(ports.size >= 45, `${ports.size} ports`);
  const steps = [...ports].map((port, index, all) => port - (all[index - 1] ?? 0));
  assert.ok(new Set(steps).size > 20, "ports in a pattern can be guessed");
});

test("an answer that can't be read is a failure, never an exception", async () => {
  await using server = await startDnsServer();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(200), async (noise, at) => {
      server.reply("api.test", "A", (query) => {
        const good = forged(query, { answers: [a("10.0.0.1"), alias("x.test", "y.test")] });
        // All but the id may be anything.
        good.set(noise.subarray(0, good.length - 2 - (at % (good.length - 2))), 2 + (at % (good.length - 2)));
        return { before: [good], rcode: "REFUSED" };
      });
      const answer = await ask([server]);
      assert.ok(["found", "absent", "failed"].includes(answer.kind));
    }),
    { numRuns: 200 },
  );
});

test("aliases are followed in whatever order the records come, and the smallest TTL counts", async () => {
  await using server = await startDnsServer();
  const records = [
    alias("api.test", "B.test.", 50),
    alias("b.test", "c.test", 40),
    a("10.0.0.1", "c.test", 45),
    a("10.0.0.2", "C.test", 70),
  ];
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(records, { minLength: 4 }), async (answers) => {
      server.reply("api.test", "A", { answers });
      const answer = await ask([server], "API.test.");
      assert.deepEqual(addresses(answer).toSorted(), ["10.0.0.1", "10.0.0.2"]);
      assert.equal(answer.kind === "found" && answer.ttl, 40);
    }),
    { numRuns: 20 },
  );
});

test("an alias whose end the server leaves open is asked for", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", { answers: [alias("api.test", "b.test", 30)] });
  server.reply("b.test", "A", { answers: [alias("b.test", "c.test")] });
  server.answer("c.test", "A", ["10.0.0.1"], 90);
  const answer = await ask([server]);
  assert.deepEqual(addresses(answer), ["10.0.0.1"]);
  assert.equal(answer.kind === "found" && answer.ttl, 30);
  assert.deepEqual(
    server.queries.map(({ name }) => name),
    ["api.test", "b.test", "c.test"],
  );
});

test("an alias whose end has no such record, as the server says, is not asked for again", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", { answers: [alias("api.test", "b.test")], authorities: [soa] });
  assert.equal(causeOf(await ask([server])), `absent: no A record from ${server.address}`);
  assert.equal(server.queries.length, 1);
});

test("aliases that lead in a circle, over several answers too, end", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", { answers: [alias("api.test", "b.test")] });
  server.reply("b.test", "A", { answers: [alias("b.test", "API.test")] });
  server.reply("self.test", "A", { answers: [alias("self.test", "self.test")] });
  const loop = `absent: a loop of aliases from ${server.address}`;
  assert.equal(causeOf(await ask([server])), loop);
  assert.equal(causeOf(await ask([server], "self.test")), loop);
});

test("aliases that never end are followed for a while only", async () => {
  await using server = await startDnsServer();
  for (let index = 0; index < 100; index++)
    server.reply(`a${index}.test`, "A", { answers: [alias(`a${index}.test`, `a${index + 1}.test`)] });
  assert.equal(
    causeOf(await ask([server], "a0.test")),
    `absent: more than 16 aliases in a row from ${server.address}`,
  );
  assert.ok(server.queries.length <= 17);
});

const noEdns: DnsReplier = (query) => (hasEdns(query) ? { rcode: "FORMERR" } : { answers: [a("10.0.0.1")] });

test("queries have EDNS, and do without where the server does not understand it", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", (query) => {
    assert.equal(query.additionals?.find(({ type }) => type === "OPT")?.type, "OPT");
    return { answers: [a("10.0.0.1")] };
  });
  assert.deepEqual(addresses(await ask([server])), ["10.0.0.1"]);
  for (const rcode of ["FORMERR", "NOTIMP"] as const) {
    server.reply("api.test", "A", (query) => (hasEdns(query) ? { rcode } : noEdns(query, undefined)));
    assert.deepEqual(addresses(await ask([server])), ["10.0.0.1"]);
  }
  server.reply("api.test", "A", (query) =>
    hasEdns(query) ? { rcode: "FORMERR" } : { answers: [a("10.0.0.1")], truncated: true },
  );
  assert.deepEqual(addresses(await ask([server])), ["10.0.0.1"]);
});

test("a truncated answer whose rest can't be had is a failure, not a smaller set", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", { answers: [a("10.0.0.1"), a("10.0.0.2")], truncated: true, cut: true });
  assert.equal(
    causeOf(await ask([server])),
    `failed: an answer that was cut short over TCP from ${server.address}`,
  );
});

test("an error of EDNS and a referral are failures, not answers that there is nothing", async () => {
  await using server = await startDnsServer();
  const opt = { type: "OPT", name: ".", udpPayloadSize: 512, ednsVersion: 0, flags: 0 } as const;
  const additionals = [{ ...opt, options: [], extendedRcode: 1, flag_do: false }];
  server.reply("api.test", "A", { additionals });
  assert.equal(causeOf(await ask([server])), `failed: RCODE 16 from ${server.address}`);
  server.reply("api.test", "A", { authorities: [{ name: "test", type: "NS", data: "ns.test" }] });
  assert.equal(
    causeOf(await ask([server])),
    `failed: a referral instead of an answer from ${server.address}`,
  );
});

test("a server that is silent costs one try before the next one is asked, and is asked again after it", async () => {
  await using silent = await startDnsServer();
  await using failing = await startDnsServer();
  silent.reply("api.test", "A", "silence");
  failing.reply("api.test", "A", { rcode: "SERVFAIL" });
  const answer = ask([silent, failing], "api.test", 200, 2);
  await failing.queried(1);
  silent.answer("api.test", "A", ["10.0.0.1"]);
  assert.deepEqual(addresses(await answer), ["10.0.0.1"]);
  assert.deepEqual([silent.queries.length, failing.queries.length], [2, 1]);
});

test("an answer that comes too late is not taken for that to a later query", async () => {
  await using server = await startDnsServer();
  const late = Promise.withResolvers<void>();
  server.reply("api.test", "A", { answers: [a("10.0.0.1")], after: late.promise });
  const answer = ask([server], "api.test", 200, 2);
  await server.queried(2);
  server.reply("api.test", "A", { answers: [a("10.0.0.2")] });
  assert.equal(causeOf(await answer), `failed: no answer from ${server.address}`);
  late.resolve();
  assert.deepEqual(addresses(await ask([server])), ["10.0.0.2"]);
});

test("a server is asked so many questions at a time, and who never got a turn does not blame the server", async () => {
  await using server = await startDnsServer();
  const ready = Promise.withResolvers<void>();
  server.reply("api.test", "A", { answers: [a("10.0.0.1")], after: ready.promise });
  const patient = Array.from({ length: 200 }, () => ask([server], "api.test", 20_000));
  await server.queried(128);
  assert.equal(
    causeOf(await ask([server], "api.test", 100)),
    `failed: no answer to 128 other queries from ${server.address}`,
  );
  assert.equal(server.queries.length, 128);
  ready.resolve();
  for (const answer of await Promise.all(patient)) assert.deepEqual(addresses(answer), ["10.0.0.1"]);
  assert.equal(server.queries.length, 200);
});

test("an answer that is truncated over TCP as well is a failure", async () => {
  await using server = await startDnsServer();
  server.reply("api.test", "A", { answers: [a("10.0.0.1")], truncated: true, flags: dns.TRUNCATED_RESPONSE });
  assert.match(causeOf(await ask([server])), /^failed: an answer that was cut short over TCP/);
});
