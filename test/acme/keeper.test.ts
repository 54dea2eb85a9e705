import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import pino from "pino";
import { Keeper, type Wanting } from "../../src/acme/keeper.ts";
import { Storage } from "../../src/acme/storage.ts";
import { certificateFile } from "../../src/material/acme-paths.ts";
import {
  type AcmeSettings,
  type AcmeState,
  type Challenge,
  type ChallengeType,
  challengePath,
} from "../../src/model/acme.ts";
import { AcmeServer } from "../support/acme-server.ts";
import { patient } from "../support/patience.ts";
import { becomes } from "../support/settled.ts";
import { Zone } from "../support/zone.ts";

const pace = { firstBackoff: 50, look: 100, lookForChallenges: 20, lockAgain: 20 };
let authority: AcmeServer;
let dir: string;
let web: Server;
/** By machine. */
let shown: Map<string, readonly Challenge[]>;
let keepers: Keeper[] = [];

before(async () => {
  // Answers for every machine, as a balancer in front of them would.
  web = createServer(({ url = "" }, response) => {
    const all = [...shown.values()].flat();
    const found = all.find((each) => each.type === "http-01" && challengePath + each.token === url);
    response.end(found?.type === "http-01" ? found.answer : "nothing");
  }).listen(0, "127.0.0.1");
  await once(web, "listening");
});
after(() => web.close());
beforeEach(async () => {
  shown = new Map();
  dir = mkdtempSync(join(tmpdir(), "umay-keeper-"));
  authority = await AcmeServer.start(dir);
  authority.ports.http = (web.address() as AddressInfo).port;
});
afterEach(async () => {
  await Promise.all(keepers.map((keeper) => keeper.stop()));
  keepers = [];
  await authority[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

function settingsOf(more: Partial<AcmeSettings> = {}): AcmeSettings {
  return {
    directory: authority.directory,
    trial: undefined,
    contact: [],
    storage: join(dir, "storage"),
    ca: { file: "", pem: authority.ca.cert },
    externalAccount: undefined,
    keyType: "p256",
    profile: undefined,
    propagation: 0,
    dns: undefined,
    ...more,
  };
}

/** By which a keeper sets records. Nobody looks for them but the authority. */
const byDns = (zone: Zone, propagation = 0): Partial<AcmeSettings> => ({
  dns: {
    command: [zone.program],
    environment: zone.environment,
    timeout: patient(20_000),
    propagation,
    nameservers: [noNameserver],
  },
});
/** Nothing listens there. */
const noNameserver = "127.0.0.1:1";

const fileOf = (name: string): string => certificateFile(join(dir, "storage"), authority.directory, name);

const listenerWith = (...names: string[]): Wanting =>
  wanting("http-01", ...names.map((name): [string] => [name]));

/** @param certificates the names of each. */
function wanting(challenge: ChallengeType, ...certificates: [string, ...string[]][]): Wanting {
  const wanted = certificates.map((names) => {
    const file = fileOf(names[0]);
    return { name: names[0], names, source: { kind: "file", cert: file, key: file } as const };
  });
  return {
    name: "web",
    tls: [{ acme: { challenge, certificates: wanted } }] as unknown as Wanting["tls"],
  };
}

const keep = (names: readonly string[], more: Partial<AcmeSettings> = {}, machine = "one"): Keeper =>
  keepFor([listenerWith(...names)], more, machine);

function keepFor(listeners: readonly Wanting[], more: Partial<AcmeSettings>, machine = "one"): Keeper {
  const publish = async (challenges: readonly Challenge[]): Promise<void> =>
    void shown.set(machine, challenges);
  const keeper = new Keeper(settingsOf(more), { logger: pino({ level: "silent" }), publish }, pace);
  keepers.push(keeper);
  keeper.follow(listeners);
  return keeper;
}

const until = (keeper: Keeper, holds: (state: AcmeState) => boolean): Promise<AcmeState> =>
  becomes(() => keeper.states[0]!, holds, "the certificate");

const valid = ({ state }: AcmeState): boolean => state === "valid";

test("a certificate is obtained once, and is known again after a restart", async () => {
  const first = keep(["a.test"]);
  const { notAfter, next } = await until(first, valid);
  assert.ok(next! < notAfter!);
  await first.stop();
  const pem = readFileSync(fileOf("a.test"), "utf8");
  await until(keep(["a.test"]), valid);
  assert.equal(authority.orders.length, 1);
  assert.equal(readFileSync(fileOf("a.test"), "utf8"), pem);
  assert.equal(authority.asked.filter((resource) => resource === "new-account").length, 1);
});

test("an authority that suggests it gets a new order at once, which says what it replaces", async () => {
  const keeper = keep(["a.test"]);
  await until(keeper, valid);
  const first = readFileSync(fileOf("a.test"), "utf8");
  await keeper.stop();
  authority.revokeAll();
  await until(keep(["a.test"]), valid);
  await becomes(
    () => readFileSync(fileOf("a.test"), "utf8"),
    (pem) => pem !== first,
    "the file",
  );
  assert.match(String(authority.orders.at(-1)!.replaces), /^[\w-]+\.[\w-]+$/);
});

test("an authority that suggests a time at which it is too late is not heeded", async () => {
  // The server suggests the 30th day from now, whatever it issues.
  authority.faults.lifetime = 10 * 86_400_000;
  const { next, notAfter } = await until(
    keep(["a.test"]),
    (state) => valid(state) && state.next !== undefined && state.next > Date.now(),
  );
  assert.ok(notAfter! - next! > 0.9 * 86_400_000, `${next} ${notAfter}`);
});

for (const [fault, expected] of [
  [{ issueFor: "other.test" }, /does not cover a\.test/],
  [{ lifetime: -1_000 }, /ended on/],
  [{ refuseNames: true }, /could not verify that a\.test is ours: unauthorized: I do not want to/],
] as const)
  test(`an answer that is wrong keeps the certificate that there is: ${Object.keys(fault).join()}`, async () => {
    const keeper = keep(["a.test"]);
    await until(keeper, valid);
    const pem = readFileSync(fileOf("a.test"), "utf8");
    await keeper.stop();
    authority.revokeAll();
    Object.assign(authority.faults, fault);
    const failing = keep(["a.test"]);
    const { error, failures } = await until(failing, (state) => state.failures > 1);
    await failing.stop();
    assert.match(error!, expected);
    assert.ok(failures >= 2);
    assert.equal(readFileSync(fileOf("a.test"), "utf8"), pem);
    await becomes(
      () => [...shown.values()].flat().length,
      (count) => count === 0,
      "challenges",
    );
  });

test("failures are tried again ever more rarely, also after a restart, and not before the authority allows it", async () => {
  authority.faults.refuseOrders = { status: 429, type: "rateLimited", retryAfter: "3600" };
  const keeper = keep(["a.test"]);
  const { next, error, state } = await until(keeper, ({ failures }) => failures === 1);
  assert.deepEqual([state, error], ["failing", "the order: rateLimited: not now"]);
  const wait = next! - Date.now();
  assert.ok(wait > 3_500_000 && wait <= 3_600_000, String(wait));
  await keeper.stop();
  authority.faults.refuseOrders = undefined;
  const again = await until(keep(["a.test"]), ({ next }) => next !== undefined);
  assert.deepEqual([again.state, again.next], ["failing", next]);
  assert.equal(authority.orders.length, 0);
});

test("of machines that share a storage one makes the order, and all show its challenge and get the certificate", async () => {
  const machines = ["one", "two", "three"].map((machine) =>
    keep(["a.test", "b.test"], { propagation: 100 }, machine),
  );
  await becomes(
    () => shown.size,
    (size) => size === 3,
    "machines that show a challenge",
  );
  for (const keeper of machines)
    await becomes(
      () => keeper.states,
      (states) => states.every(valid),
      "all certificates",
    );
  assert.deepEqual(authority.orders.flatMap(({ names }) => names).sort(), ["a.test", "b.test"]);
});

test("after a failure the order is tried elsewhere first", async () => {
  authority.faults.refuseOrders = { status: 500, type: "serverInternal" };
  const other = await AcmeServer.start(dir);
  try {
    other.faults.refuseNames = true;
    const ca = { file: "", pem: authority.ca.cert + other.ca.cert };
    const keeper = keep(["a.test"], { trial: other.directory, ca });
    await until(keeper, ({ failures, error }) => failures > 1 && error!.includes("I do not want to"));
    authority.faults.refuseOrders = undefined;
    const before = authority.orders.length;
    assert.equal(before, 0);
    Object.assign(other.faults, { refuseNames: false });
    other.ports.http = authority.ports.http;
    await until(keeper, valid);
    assert.equal(authority.orders.length, 1);
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test("an account that the authority elsewhere does not know any more is made anew there", async () => {
  const other = await AcmeServer.start(dir);
  try {
    other.ports.http = authority.ports.http;
    const ca = { file: "", pem: authority.ca.cert + other.ca.cert };
    authority.faults.refuseOrders = { status: 500, type: "serverInternal" };
    const keeper = keep(["a.test"], { trial: other.directory, ca });
    await until(keeper, ({ failures }) => failures > 1);
    other.forgetAccounts();
    authority.faults.refuseOrders = undefined;
    await until(keeper, valid);
    const accounts = ({ asked }: AcmeServer) => asked.filter((resource) => resource === "new-account").length;
    assert.deepEqual([accounts(other), accounts(authority)], [2, 1]);
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test("an order that is under way while the listeners change is told as due until it is over", async () => {
  const first = keep(["a.test"]);
  await until(first, valid);
  await first.stop();
  authority.revokeAll();
  const held = Promise.withResolvers<void>();
  authority.faults.hold = held.promise;
  const keeper = keep(["a.test"]);
  const due = ({ state }: AcmeState): boolean => state === "due";
  await until(keeper, due);
  keeper.follow([listenerWith("a.test", "b.test")]);
  assert.ok(due(keeper.states[0]!));
  held.resolve();
  await until(keeper, valid);
});

test("a file that can't be used is replaced", async () => {
  const keeper = keep(["a.test"]);
  await until(keeper, valid);
  writeFileSync(fileOf("a.test"), "half a certi");
  await becomes(
    () => readFileSync(fileOf("a.test"), "utf8"),
    (pem) => pem.includes("PRIVATE KEY"),
    "the file",
  );
  assert.equal(authority.orders.length, 2);
});

const record = "_acme-challenge.a.test";

test("a wildcard and the name above it are proven by two values at once, and share a certificate that says so", async () => {
  const zone = new Zone(dir);
  const seen: (readonly string[])[] = [];
  authority.ports.dns = (name) => {
    const values = zone.valuesOf(name);
    seen.push(values);
    return values;
  };
  const both = wanting("dns-01", ["*.a.test", "a.test"]);
  const keeper = keepFor([wanting("dns-01", ["*.a.test"]), { ...both, name: "api" }], byDns(zone));
  const { listeners } = await until(keeper, valid);
  assert.deepEqual(listeners, ["web", "api"]);
  assert.deepEqual(
    authority.orders.map(({ names }) => names),
    [["*.a.test", "a.test"]],
  );
  const { subjectAltName } = new X509Certificate(readFileSync(fileOf("*.a.test"), "utf8"));
  assert.equal(subjectAltName, "DNS:*.a.test, DNS:a.test");
  assert.deepEqual(
    seen.map(({ length }) => length),
    [2, 2],
  );
  assert.deepEqual(
    zone.calls.map((call) => call.split(" ", 2).join(" ")),
    [`set ${record}`, `set ${record}`, `unset ${record}`, `unset ${record}`],
  );
  assert.deepEqual(zone.valuesOf(record), []);
  assert.ok(fileOf("*.a.test").endsWith("/+.a.test.pem"));
  await keeper.stop();
});

test("a certificate that lacks a name that is wanted by now is replaced", async () => {
  const zone = new Zone(dir);
  authority.ports.dns = zone.valuesOf;
  const first = keepFor([wanting("dns-01", ["*.a.test"])], byDns(zone));
  await until(first, valid);
  await first.stop();
  await until(keepFor([wanting("dns-01", ["*.a.test", "a.test"])], byDns(zone)), valid);
  assert.deepEqual(
    authority.orders.map(({ names }) => names.length),
    [1, 2],
  );
});

test("records are unset after a failure, which has the program's last line or the authority's", async () => {
  const zone = new Zone(dir);
  const keeper = keepFor([wanting("dns-01", ["*.a.test"])], byDns(zone));
  authority.ports.dns = () => [];
  const { error } = await until(keeper, ({ failures }) => failures > 0);
  assert.match(
    error!,
    /^the authority could not verify that \*\.a\.test is ours: unauthorized: no record has/,
  );
  await keeper.stop();
  assert.deepEqual(zone.valuesOf(record), []);
  const command = [zone.write("bad", "#!/bin/sh\necho no such zone\nexit 1\n")];
  const failing = keepFor([wanting("dns-01", ["*.a.test"])], { dns: { ...byDns(zone).dns!, command } });
  await until(failing, (state) => state.error === `set ${record}: bad ended with status 1: no such zone`);
});

test("an order that umay's end cuts short leaves no record behind", async () => {
  const zone = new Zone(dir);
  const keeper = keepFor([wanting("dns-01", ["*.a.test"])], byDns(zone, 600_000));
  await becomes(
    () => zone.valuesOf(record).length,
    (length) => length === 1,
    "the record",
  );
  await keeper.stop();
  assert.deepEqual(zone.valuesOf(record), []);
  assert.equal(keeper.states[0]!.failures, 0);
});

test("a record that a umay which died has left behind is unset with the next order", async () => {
  const zone = new Zone(dir);
  authority.ports.dns = zone.valuesOf;
  const left = { type: "dns-01", name: record, value: "left" } as const;
  await new Storage(join(dir, "storage"), authority.directory).show(left);
  await until(keepFor([wanting("dns-01", ["*.a.test"])], byDns(zone)), valid);
  assert.equal(zone.calls[0], `unset ${record} left`);
  assert.equal(zone.calls.length, 3);
});
