import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type DiscoveryDependencies, systemDependencies } from "../../src/discovery/dependencies.ts";
import { createDiscovery } from "../../src/discovery/registry.ts";
import { parseAddress } from "../../src/lib/address.ts";
import type { Backend } from "../../src/model/backend.ts";
import { fakeDependencies, Watching } from "./watching.ts";

function backend(address: string, overrides: Partial<Backend> = {}): Backend {
  const target = parseAddress(address);
  assert.ok(typeof target !== "string", `${address} ${target}`);
  return { address, target, weight: 1, tier: 0, ...overrides };
}

/** Answers with what a name has now; a name without an entry fails like one that does not exist. */
class FakeNames {
  readonly asked: string[] = [];
  readonly known = new Map<string, readonly string[] | Promise<readonly string[]>>();

  readonly lookup: DiscoveryDependencies["lookup"] = async (name) => {
    this.asked.push(name);
    const addresses = this.known.get(name);
    if (addresses === undefined) throw new Error(`${name}: NXDOMAIN from 10.0.0.2:53`);
    return addresses;
  };
}

function watchStatic(backends: readonly Backend[], lookup: DiscoveryDependencies["lookup"]): Watching {
  const dependencies = fakeDependencies({ lookup });
  return new Watching(createDiscovery({ type: "static", backends }, dependencies), dependencies.clock);
}

const neverAsked = (): never => assert.fail("no name has to be looked up");

/** Lets the lookups of 10 s later happen, and what follows from them. */
async function later(watching: Watching, hosts = 1): Promise<void> {
  watching.clock.advance(10_000);
  await watching.clock.asleep(hosts);
  await setImmediate();
}

test("IP addresses and unix sockets are yielded once, as configured and in that order", async () => {
  const backends = [
    backend("10.0.0.2:80", { weight: 7 }),
    backend("[::1]:80", { tier: 1 }),
    backend("unix:/run/a.sock"),
    backend("10.0.0.1:80"),
  ];
  await using watching = watchStatic(backends, neverAsked);
  await watching.yielded(1);
  assert.deepEqual(watching.sets, [backends]);
  await watching.stop();
  assert.equal(watching.seen.length, 1);
});

test("a host name is resolved, and its backend keeps name, port, weight and backup", async () => {
  const names = new FakeNames();
  names.known.set("db", ["10.0.0.9"]);
  await using watching = watchStatic([backend("db:5432", { weight: 3, tier: 1 })], names.lookup);
  await watching.yielded(1);
  const target = { kind: "tcp", host: "10.0.0.9", port: 5432 };
  const found = { address: "10.0.0.9:5432", target, hostName: "db", weight: 3, tier: 1 };
  assert.deepEqual(watching.sets, [[found]]);
});

test("a name keeps its dot where it is looked up, and the backend's name has none", async () => {
  const names = new FakeNames();
  names.known.set("DB.test.", ["10.0.0.9"]);
  await using watching = watchStatic([backend("DB.test.:5432")], names.lookup);
  await watching.yielded(1);
  assert.deepEqual(names.asked, ["DB.test."]);
  assert.equal(watching.sets[0]![0]!.hostName, "db.test");
});

test("the first IPv4 address of a name is taken, an IPv6 address only where there is no other", async () => {
  const names = new FakeNames();
  names.known.set("both", ["::1", "127.0.0.2", "127.0.0.1"]);
  names.known.set("six", ["2001:db8::2", "2001:db8::1"]);
  await using watching = watchStatic([backend("both:80"), backend("six:80")], names.lookup);
  await watching.yielded(1);
  assert.deepEqual(watching.take(), [["127.0.0.2:80", "[2001:db8::2]:80"]]);
});

test("the other addresses of a name come with its backend, IPv4 first, and are no part of its identity", async () => {
  const names = new FakeNames();
  names.known.set("db", ["::2", "10.0.0.1", "10.0.0.3", "::1", "10.0.0.2"]);
  await using watching = watchStatic([backend("db:80")], names.lookup);
  await watching.yielded(1);
  names.known.set("db", ["::1", "::2", "10.0.0.2", "10.0.0.3", "10.0.0.1"]);
  await later(watching);
  names.known.set("db", ["10.0.0.1"]);
  await later(watching);
  assert.deepEqual(watching.take(), [["10.0.0.1:80"], ["10.0.0.1:80"]]);
  assert.deepEqual(
    watching.sets.map(([only]) => only!.others),
    [["10.0.0.2", "10.0.0.3", "::1", "::2"], undefined],
  );
});

test("no more than seven further addresses of a name are kept", async () => {
  const names = new FakeNames();
  names.known.set(
    "db",
    Array.from({ length: 20 }, (_, index) => `10.0.0.${index + 1}`),
  );
  await using watching = watchStatic([backend("db:80")], names.lookup);
  await watching.yielded(1);
  assert.equal(watching.sets[0]![0]!.others!.length, 7);
});

test("localhost is found in the hosts file", async () => {
  await using watching = watchStatic([backend("localhost:8080")], systemDependencies.lookup);
  await watching.yielded(1);
  assert.match(String(watching.take()[0]), /^(127\.0\.0\.1|\[::1\]):8080$/);
});

test("a name is looked up every 10 s with up to a tenth more, and its new address is yielded", async () => {
  const names = new FakeNames();
  names.known.set("db", ["10.0.0.1"]);
  const dependencies = fakeDependencies({ lookup: names.lookup, random: () => 0.5 });
  const source = createDiscovery({ type: "static", backends: [backend("db:80")] }, dependencies);
  await using watching = new Watching(source, dependencies.clock);
  await watching.yielded(1);
  watching.clock.advance(500);
  assert.deepEqual(await watching.clock.asleep(), [10_500]);

  names.known.set("db", ["10.0.0.2"]);
  watching.clock.advance(10_000);
  await watching.yielded(2);
  assert.deepEqual(watching.take(), [["10.0.0.1:80"], ["10.0.0.2:80"]]);
});

test("an address that is still among a name's addresses is kept, in whatever order they come", async () => {
  const names = new FakeNames();
  names.known.set("db", ["10.0.0.1", "10.0.0.2"]);
  await using watching = watchStatic([backend("db:80")], names.lookup);
  await watching.yielded(1);
  names.known.set("db", ["10.0.0.2", "10.0.0.1"]);
  await later(watching);
  names.known.set("db", ["10.0.0.3", "10.0.0.2"]);
  await later(watching);
  await watching.yielded(2);
  assert.deepEqual(watching.take(), [["10.0.0.1:80"], ["10.0.0.3:80"]]);
});

test("a name that stops resolving keeps its last address and is told once per outage", async () => {
  const names = new FakeNames();
  names.known.set("db", ["10.0.0.1"]);
  await using watching = watchStatic([backend("db:80"), backend("10.0.0.9:80")], names.lookup);
  await watching.yielded(1);
  watching.take();
  const message = "db: NXDOMAIN from 10.0.0.2:53; 10.0.0.1 is kept";
  for (let outage = 1; outage <= 2; outage++) {
    names.known.delete("db");
    for (let i = 0; i < 3; i++) await later(watching);
    assert.deepEqual(watching.take(), [{ message, serving: "last-good" }]);
    names.known.set("db", ["10.0.0.1"]);
    await later(watching);
    assert.deepEqual(watching.take(), [["10.0.0.1:80", "10.0.0.9:80"]], "all is well again");
  }
});

test("a name that never resolved is left out until it does, and the others are served", async () => {
  const names = new FakeNames();
  await using watching = watchStatic([backend("db:80"), backend("10.0.0.9:80")], names.lookup);
  await watching.yielded(2);
  const message = "db: NXDOMAIN from 10.0.0.2:53; its backends are left out until it resolves";
  assert.deepEqual(watching.take(), [["10.0.0.9:80"], { message, serving: "last-good" }]);
  await watching.clock.asleep();
  names.known.set("db", ["10.0.0.1"]);
  watching.clock.advance(10_000);
  await watching.yielded(3);
  assert.deepEqual(watching.take(), [["10.0.0.1:80", "10.0.0.9:80"]]);
});

test("when no name resolves there is an error and no empty set", async () => {
  const names = new FakeNames();
  names.known.set("empty", []);
  await using watching = watchStatic([backend("db:80"), backend("empty:80")], names.lookup);
  await watching.yielded(2);
  await later(watching, 2);
  const left = "its backends are left out until it resolves";
  assert.deepEqual(watching.take(), [
    { message: `db: NXDOMAIN from 10.0.0.2:53; ${left}`, serving: "nothing" },
    { message: `empty: no address; ${left}`, serving: "nothing" },
  ]);
});

test("a resolver that hangs on one name holds the others up for 500 ms and no longer", async () => {
  const names = new FakeNames();
  const slow = Promise.withResolvers<readonly string[]>();
  names.known.set("slow", slow.promise);
  names.known.set("quick", ["10.0.0.1"]);
  await using watching = watchStatic(
    [backend("slow:80"), backend("quick:80"), backend("10.0.0.9:80")],
    names.lookup,
  );
  assert.deepEqual(await watching.clock.asleep(2), [500, 10_000]);
  watching.clock.advance(499);
  assert.deepEqual(watching.take(), []);
  watching.clock.advance(1);
  await watching.yielded(1);
  assert.deepEqual(watching.take(), [["10.0.0.1:80", "10.0.0.9:80"]]);

  names.known.set("quick", ["10.0.0.2"]);
  watching.clock.advance(10_000);
  await watching.yielded(2);
  assert.deepEqual(watching.take(), [["10.0.0.2:80", "10.0.0.9:80"]], "nor does it later");

  slow.resolve(["10.0.0.5"]);
  await watching.yielded(3);
  assert.deepEqual(watching.take(), [["10.0.0.5:80", "10.0.0.2:80", "10.0.0.9:80"]]);
});

test("the first set waits for quick names, so that no backend is alone at first", async () => {
  const names = new FakeNames();
  names.known.set("a", ["10.0.0.1"]);
  names.known.set(
    "b",
    Promise.resolve().then(() => ["10.0.0.2"]),
  );
  await using watching = watchStatic(
    [backend("a:80"), backend("b:80"), backend("10.0.0.9:80", { tier: 1 })],
    names.lookup,
  );
  await watching.yielded(1);
  assert.deepEqual(watching.take(), [["10.0.0.1:80", "10.0.0.2:80", "10.0.0.9:80"]]);
});

test("two entries that lead to one address are one backend, the first", async () => {
  const names = new FakeNames();
  names.known.set("db", ["10.0.0.1"]);
  const backends = [backend("db:80", { weight: 5 }), backend("10.0.0.1:80"), backend("db:81")];
  await using watching = watchStatic(backends, names.lookup);
  await watching.yielded(1);
  assert.deepEqual(watching.take(), [["10.0.0.1:80", "10.0.0.1:81"]]);
  assert.equal(watching.sets[0]?.[0]?.weight, 5);
  assert.deepEqual(names.asked, ["db"], "a name is looked up once for all its entries");
});

test("aborting while the system's resolver hangs ends the source at once", async () => {
  const hanging = () => new Promise<never>(() => {});
  await using watching = watchStatic([backend("slow:80")], hanging);
  await watching.clock.asleep();
  await watching.stop();
  assert.deepEqual(watching.seen, []);
});

test("a consumer that stops early stops the lookups too", async () => {
  const names = new FakeNames();
  names.known.set("db", ["10.0.0.1"]);
  const dependencies = fakeDependencies({ lookup: names.lookup });
  const source = createDiscovery({ type: "static", backends: [backend("db:80")] }, dependencies);
  for await (const result of source.watch(new AbortController().signal)) {
    assert.ok(result.ok);
    break;
  }
  assert.equal(dependencies.clock.sleeping, 0);
});

for (const [every, expected] of [
  ["all", ["10.0.0.1", "10.0.0.2", "::1"]],
  ["v4", ["10.0.0.1", "10.0.0.2"]],
  ["v6", ["::1"]],
  ["v4-first", ["10.0.0.1", "10.0.0.2"]],
  ["v6-first", ["::1"]],
] as const)
  test(`each address of a name is a backend where that is asked for (${every})`, async () => {
    const names = new FakeNames();
    names.known.set("db", ["10.0.0.2", "::1", "10.0.0.1"]);
    const dependencies = fakeDependencies({ lookup: names.lookup });
    const source = createDiscovery(
      { type: "static", backends: [backend("db:5432")], everyAddress: every },
      dependencies,
    );
    await using watching = new Watching(source, dependencies.clock);
    await watching.yielded(1);
    assert.deepEqual(
      watching.sets[0]!.map(({ target, hostName }) => [target.kind === "tcp" && target.host, hostName]),
      expected.map((host) => [host, "db"]),
    );
  });

test("backends that have to be elsewhere never lead to this machine, by address or by name", async () => {
  const names = new FakeNames();
  names.known.set("both", ["127.0.0.1", "10.0.0.9", "::1"]);
  names.known.set("here", ["127.0.0.1", "169.254.169.254"]);
  const dependencies = fakeDependencies({ lookup: names.lookup });
  const backends = ["127.0.0.1:9901", "[::1]:80", "unix:/run/a.sock", "both:80", "here:80"].map((at) =>
    backend(at),
  );
  await using watching = new Watching(
    createDiscovery({ type: "static", backends, elsewhere: true }, dependencies),
    dependencies.clock,
  );
  await watching.yielded(2);
  assert.deepEqual(watching.sets, [[backend("10.0.0.9:80", { hostName: "both" })]]);
  const [, failure] = watching.take();
  assert.match(failure !== undefined && "message" in failure ? failure.message : "", /^here: .* own machine/);
});
