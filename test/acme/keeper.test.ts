import assert from "node:assert/strict";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { Storage } from "../../src/acme/storage.ts";
import type { AcmeState } from "../../src/model/acme.ts";
import { AcmeServer } from "../support/acme-server.ts";
import { authority, dir, fileOf, keep, listenerWith, shown, until, valid } from "../support/keepers.ts";
import { becomes } from "../support/settled.ts";

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

test("of certificates that are due the one that ends first is renewed first", async () => {
  const names = ["a.test", "b.test", "c.test"];
  const first = keep([]);
  for (const [index, days] of [90, 20, 30].entries()) {
    authority.faults.lifetime = days * 86_400_000;
    first.follow([listenerWith(...names.slice(0, index + 1))]);
    await becomes(
      () => first.states,
      (states) => states.every(valid),
      "the certificates",
    );
  }
  await first.stop();
  authority.revokeAll();
  const keeper = keep(["d.test", "a.test", "b.test", "c.test"]);
  await becomes(
    () => authority.orders.length === 7 && keeper.states.every(valid),
    (done) => done,
    "all certificates",
  );
  assert.deepEqual(
    authority.orders.slice(3).flatMap(({ names }) => names),
    ["d.test", "b.test", "c.test", "a.test"],
  );
});

test("an authority that takes its time to say when to renew puts off no order", async () => {
  const names = ["a.test", "b.test", "c.test"];
  const first = keep(names);
  await becomes(
    () => first.states,
    (states) => states.every(valid),
    "the certificates",
  );
  await first.stop();
  const before = authority.asked.length;
  const keeper = keep([...names, "d.test"], {}, "one", { ask: 1 });
  await becomes(
    () => keeper.states,
    (states) => states.every(valid),
    "all certificates",
  );
  const asked = authority.asked.slice(before);
  assert.equal(asked.slice(0, asked.indexOf("new-order")).join(), "directory,renewal-info,nonce");
});

test("an order that fails is tried again while the certificate that it replaces is good, and when it hardly is, not elsewhere first", async () => {
  authority.faults.lifetime = 34_000;
  const other = await AcmeServer.start(dir);
  try {
    other.faults.refuseNames = true;
    const ca = { file: "", pem: authority.ca.cert + other.ca.cert };
    const first = keep(["a.test"]);
    await becomes(
      () => existsSync(fileOf("a.test")),
      (there) => there,
      "the first certificate",
    );
    await first.stop();
    authority.faults.lifetime = 90 * 86_400_000;
    authority.faults.refuseOrders = { status: 500, type: "serverInternal" };
    const keeper = keep(["a.test"], { trial: other.directory, ca }, "one", { firstBackoff: 3_600_000 });
    const { next, notAfter } = await until(keeper, ({ failures }) => failures === 1);
    assert.ok(next! < notAfter!, `${next} ${notAfter}`);
    authority.faults.refuseOrders = undefined;
    await keeper.stop();
    await new Storage(join(dir, "storage"), authority.directory).setTries("a.test", {
      failures: 1,
      notBefore: 0,
      error: "",
    });
    await until(keep(["a.test"], { trial: other.directory, ca }), valid);
    assert.equal(other.orders.length, 0);
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test("after a failure the order is tried elsewhere first", async () => {
  authority.faults.refuseOrders = { status: 500, type: "serverInternal" };
  const other = await AcmeServer.start(dir);
  try {
    other.faults.refuseNames = true;
    const ca = { file: "", pem: authority.ca.cert + other.ca.cert };
    const left = { type: "http-01", name: "a.test", token: "left", answer: "" } as const;
    await new Storage(join(dir, "storage"), other.directory).show(left);
    const file = join(dirname(dirname(fileOf("a.test", other))), "challenges", "http-01.left.json");
    utimesSync(file, 0, 0);
    const keeper = keep(["a.test"], { trial: other.directory, ca });
    await until(keeper, ({ failures, error }) => failures > 1 && error!.includes("I do not want to"));
    authority.faults.refuseOrders = undefined;
    const before = authority.orders.length;
    assert.equal(before, 0);
    Object.assign(other.faults, { refuseNames: false });
    other.ports.http = authority.ports.http;
    await until(keeper, valid);
    assert.equal(authority.orders.length, 1);
    // Of a machine that died.
    assert.ok(!existsSync(file));
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
