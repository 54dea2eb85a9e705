import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { lookUpSystemName } from "../../src/discovery/lookup.ts";
import type { SystemNames } from "../../src/lib/dns/system.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { patient } from "../support/patience.ts";
import { systemWith, watchDns } from "./watching.ts";

const search = ["default.svc.test", "svc.test"];

function systemAt(server: DnsServer, settings: Partial<SystemNames> = {}) {
  return async () => systemWith({ nameservers: [server.address], search, ...settings });
}

const asked = ({ queries }: DnsServer): string[] => queries.map(({ name }) => name);

test("a short name is looked for in the system's search domains, then as it is", async () => {
  await using server = await startDnsServer();
  server.answer("api.svc.test", "A", ["10.0.0.1"]);
  await using watching = watchDns([], { name: "api" }, { system: systemAt(server) });
  await watching.clock.asleep();
  assert.deepEqual(watching.take(), [["10.0.0.1:443"]]);
  assert.deepEqual(asked(server), ["api.default.svc.test", "api.svc.test"]);
});

test("a name with enough dots is tried as it is first, one with a dot at its end not in any other way", async () => {
  await using server = await startDnsServer();
  for (const [name, ndots, names] of [
    ["api.test", 1, ["api.test", "api.test.default.svc.test", "api.test.svc.test"]],
    ["api.test", 5, ["api.test.default.svc.test", "api.test.svc.test", "api.test"]],
    ["api.test.", 5, ["api.test"]],
  ] as const) {
    server.queries.length = 0;
    await using watching = watchDns([], { name }, { system: systemAt(server, { ndots }) });
    await watching.clock.asleep();
    assert.deepEqual(asked(server), names);
    const tried = names.length === 1 ? name : `${name} (asked for ${names.join(", ")})`;
    const message = `${tried}: NXDOMAIN from ${server.address}; no backend is known`;
    assert.deepEqual(watching.take(), [{ message, serving: "nothing" }]);
  }
});

test("a failure for the first name does not lead to another one, which may be someone else's", async () => {
  await using server = await startDnsServer();
  server.reply("api.default.svc.test", "A", { rcode: "SERVFAIL" });
  server.answer("api", "A", ["10.6.6.6"]);
  await using watching = watchDns([], { name: "api" }, { system: systemAt(server) });
  await watching.clock.asleep();
  assert.equal((watching.take()[0] as { serving: string }).serving, "nothing");
  assert.deepEqual(asked(server), ["api.default.svc.test"]);
});

test("with nameservers of its own a pool's name is absolute", async () => {
  await using server = await startDnsServer();
  server.answer("api", "A", ["10.0.0.1"]);
  await using watching = watchDns([server.address], { name: "api" }, { system: systemAt(server) });
  await watching.clock.asleep();
  assert.deepEqual(asked(server), ["api"]);
});

const query = { timeout: patient(5_000), tries: 1 };
const never = new AbortController().signal;

test("a name of the hosts file is not asked for, and localhost never", async () => {
  await using server = await startDnsServer();
  const hosts = new Map([["db", ["10.0.0.5", "fd00::5"]]]);
  const system = systemAt(server, { hosts });
  assert.deepEqual(await lookUpSystemName("DB.", { system, query }, never), ["10.0.0.5", "fd00::5"]);
  assert.deepEqual(await lookUpSystemName("localhost", { system, query }, never), ["127.0.0.1", "::1"]);
  assert.deepEqual(await lookUpSystemName("a.localhost.", { system, query }, never), ["127.0.0.1", "::1"]);
  assert.equal(server.queries.length, 0);
});

test("other names are asked for in the search domains, for both kinds of addresses", async () => {
  await using server = await startDnsServer();
  server.answer("db.default.svc.test", "AAAA", ["fd00::5"]);
  server.answer("db.svc.test", "A", ["10.0.0.5"]);
  const system = systemAt(server);
  assert.deepEqual(await lookUpSystemName("db", { system, query }, never), ["fd00::5"]);
  await assert.rejects(lookUpSystemName("other.", { system, query }, never), {
    message: `other.: A: NXDOMAIN from ${server.address}; AAAA: NXDOMAIN from ${server.address}`,
  });
});

test("while it is not known whether a name has IPv4 addresses, its IPv6 addresses are no answer", async () => {
  await using server = await startDnsServer();
  server.answer("db.test", "AAAA", ["fd00::5"]);
  server.reply("db.test", "A", { rcode: "SERVFAIL" });
  const system = systemAt(server);
  await assert.rejects(lookUpSystemName("db.test.", { system, query }, never), /A: SERVFAIL/);
  server.answer("db.test", "A", ["10.0.0.5"]);
  server.reply("db.test", "AAAA", { rcode: "SERVFAIL" });
  assert.deepEqual(await lookUpSystemName("db.test.", { system, query }, never), ["10.0.0.5"]);
});

test("names that hang hold none of the threads that file access needs", async () => {
  await using server = await startDnsServer();
  for (const type of ["A", "AAAA"] as const) server.reply("db", type, "silence");
  const patient = {
    system: async () => systemWith({ nameservers: [server.address] }),
    query: { timeout: 60_000, tries: 1 },
  };
  const stop = new AbortController();
  const lookups = Array.from({ length: 8 }, () => lookUpSystemName("db", patient, stop.signal));
  await server.queried(16);
  await stat(import.meta.filename);
  stop.abort();
  for (const lookup of lookups) await assert.rejects(lookup, /cancelled/);
});
