import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backendCell, type CounterMemory, listenerCell, poolCell } from "../../../src/channel/counters.ts";
import { layout } from "../../../src/channel/layout.ts";
import { backendFlag, createSharedMemory, type SharedMemory } from "../../../src/channel/memory.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { Store } from "../../../src/control/state/store.ts";
import type { Backend, PlacedBackend } from "../../../src/model/backend.ts";
import { relayTarget } from "../../../src/model/chain.ts";
import type { Model } from "../../../src/model/model.ts";
import { loadModel, smallest } from "../../providers/toml/loading.ts";
import { testCertificates } from "../../support/certificates.ts";
import { boundAs } from "../workers/feed-scene.ts";

const model = await loadModel(`
  listeners.a = { bind = "127.0.0.9:1", pool = "one" }
  listeners.b = { bind = "127.0.0.9:2", pool = "two" }
  pools.one.discovery = { type = "static", backends = ["127.0.0.1:1"] }
  pools.two.discovery = { type = "static", backends = ["127.0.0.1:1"] }`);

interface Scene {
  readonly store: Store;
  readonly shared: SharedMemory;
  readonly memories: readonly CounterMemory[];
}

function scene(of = model): Scene {
  const shared = createSharedMemory();
  const counters = new WorkerCounters(2);
  return { store: new Store(of, boundAs(of), shared, counters), shared, memories: counters.memories };
}

function backend(host: string, weight = 1): Backend {
  const target = { kind: "tcp", host, port: 80 } as const;
  return { address: `${host}:80`, target, weight, tier: 0 };
}

const placed = (store: Store, pool = "one"): readonly PlacedBackend[] =>
  store.snapshot.pools.find(({ name }) => name === pool)!.backends;

const observed = (store: Store, pool = "one"): string[] =>
  store.observed.pools.find(({ name }) => name === pool)!.backends.map(({ address }) => address);

function lease({ shared, memories }: Scene, { slot, counters }: PlacedBackend): void {
  Atomics.add(shared.backendActive, slot, 1);
  memories[0]![counters + backendCell.leased]! += 1;
}

function release({ shared, memories }: Scene, { slot, counters }: PlacedBackend): void {
  memories[0]![counters + backendCell.released]! += 1;
  Atomics.sub(shared.backendActive, slot, 1);
}

test("listeners, pools and backends have places of their own, and every change makes a new version", () => {
  const { store } = scene();
  const before = store.snapshot;
  store.setBackends("one", [backend("a"), backend("b")]);
  store.setBackends("two", [backend("a")]);
  assert.equal(store.snapshot.version, before.version + 2);
  assert.deepEqual(
    before.pools.map(({ backends }) => backends.length),
    [0, 0],
  );
  const { listeners, pools } = structuredClone(store.snapshot);
  assert.deepEqual(store.snapshot, { version: before.version + 2, listeners, pools, routeTables: [] });
  const counters = [...listeners, ...pools, ...pools.flatMap(({ backends }) => backends)].map(
    (it) => it.counters,
  );
  assert.equal(new Set(counters).size, 2 + 2 + 3);
  assert.equal(new Set(pools.flatMap(({ backends }) => backends.map(({ slot }) => slot))).size, 3);
});

test("a backend that stays keeps its place whatever else changes about it", () => {
  const { store } = scene();
  store.setBackends("one", [backend("a"), backend("b")]);
  const [, b] = placed(store);
  store.setBackends("one", [backend("b", 7), backend("c")]);
  const [changed] = placed(store);
  assert.deepEqual(changed, { ...b, weight: 7 });
});

test("a backend that left counts as long as it has sessions, and then its place is another's, with counters at 0", () => {
  const all = scene();
  const { store, shared, memories } = all;
  store.setBackends("one", [backend("a"), backend("b")]);
  const [a, b] = placed(store);
  lease(all, a!);
  store.setBackends("one", [backend("b")]);
  const { version } = store.snapshot;
  assert.deepEqual(placed(store), [b]);
  assert.deepEqual(observed(store), ["b:80", "a:80"]);

  // A worker may still pick it: it is neither marked nor forgotten.
  store.settle(version - 1);
  assert.equal(shared.backendFlags[a!.slot], 0);
  release(all, a!);
  store.settle(version - 1);
  lease(all, a!);
  assert.deepEqual(observed(store), ["b:80", "a:80"]);

  store.settle(version);
  assert.equal(shared.backendFlags[a!.slot], backendFlag.draining);
  store.setBackends("one", [backend("b"), backend("c")]);
  assert.notEqual(placed(store)[1]!.slot, a!.slot);

  release(all, a!);
  assert.deepEqual(observed(store), ["b:80", "c:80"]);
  store.settle(version);
  assert.equal(shared.backendFlags[a!.slot], 0);
  for (const memory of memories)
    assert.ok(memory.subarray(a!.counters, a!.counters + backendCell.size).every((cell) => cell === 0));
  store.setBackends("two", [backend("d")]);
  assert.equal(placed(store, "two")[0]!.slot, a!.slot);
});

test("a backend that comes back while it drains keeps its place, and is picked again", () => {
  const all = scene();
  const { store, shared } = all;
  store.setBackends("one", [backend("a")]);
  const [a] = placed(store);
  lease(all, a!);
  store.setBackends("one", []);
  store.settle(store.snapshot.version);
  assert.equal(shared.backendFlags[a!.slot], backendFlag.draining);
  store.setBackends("one", [backend("a")]);
  assert.deepEqual(placed(store), [a]);
  assert.equal(shared.backendFlags[a!.slot], 0);
  assert.deepEqual(observed(store), ["a:80"]);
});

test("backends beyond the room for them are left out, until others have left", async () => {
  const { store } = scene(await loadModel(smallest));
  const many = Array.from({ length: layout.backend.capacity + 2 }, (_, index) => backend(`host-${index}`));
  assert.equal(store.setBackends("echo", many), 2);
  assert.equal(placed(store, "echo").length, layout.backend.capacity);
  store.setBackends("echo", many.slice(2));
  store.settle(store.snapshot.version);
  assert.equal(store.setBackends("echo", many.slice(2)), 0);
  assert.equal(new Set(placed(store, "echo").map(({ slot }) => slot)).size, layout.backend.capacity);
});

test("no two backends that may have sessions ever share a place", () => {
  const step = fc.oneof(
    fc.record({
      pool: fc.constantFrom("one", "two"),
      set: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e")),
    }),
    fc.record({ lease: fc.nat() }),
    fc.record({ release: fc.nat() }),
    fc.record({ lag: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const all = scene();
      const { store, shared } = all;
      /** By slot: who has sessions there, and how many. */
      const busy = new Map<number, { who: string; backend: PlacedBackend; sessions: number }>();
      const owner = (pool: string, address: string): string => `${pool} ${address}`;
      for (const each of steps) {
        if ("set" in each)
          store.setBackends(
            each.pool,
            each.set.map((host) => backend(host)),
          );
        const here = store.snapshot.pools.flatMap(({ name, backends }) =>
          backends.map((it) => ({ it, who: owner(name, it.address) })),
        );
        assert.equal(new Set(here.map(({ it }) => it.slot)).size, here.length);
        for (const { it, who } of here) assert.equal(busy.get(it.slot)?.who ?? who, who);
        if ("lease" in each && here.length > 0) {
          const { it, who } = here[each.lease % here.length]!;
          lease(all, it);
          busy.set(it.slot, { who, backend: it, sessions: (busy.get(it.slot)?.sessions ?? 0) + 1 });
        }
        if ("release" in each && busy.size > 0) {
          const one = [...busy.values()][each.release % busy.size]!;
          release(all, one.backend);
          if (--one.sessions === 0) busy.delete(one.backend.slot);
        }
        if ("lag" in each) store.settle(store.snapshot.version - each.lag);
        for (const [slot, { sessions }] of busy) assert.equal(shared.backendActive[slot], sessions);
      }
      const seen = store.observed.pools.flatMap(({ backends }) => backends.map(({ slot }) => slot));
      for (const slot of busy.keys()) assert.ok(seen.includes(slot));
    }),
  );
});

test("a drain by hand sticks to the address of its pool, whether discovery finds that or not", () => {
  const all = scene();
  const { store, shared } = all;
  const flags = (pool = "one"): number[] =>
    placed(store, pool).map(({ slot }) => Atomics.load(shared.backendFlags, slot));
  store.setBackends("one", [backend("a"), backend("b")]);
  store.setBackends("two", [backend("a")]);
  const version = store.snapshot.version;
  store.setDrained("one", "a:80", true);
  assert.deepEqual(flags(), [backendFlag.draining, 0]);
  assert.deepEqual(flags("two"), [0]);
  assert.equal(store.snapshot.version, version);

  // It stays, with another weight.
  store.setBackends("one", [backend("a", 7), backend("b")]);
  assert.deepEqual(flags(), [backendFlag.draining, 0]);
  // It goes and comes back before the workers have noticed; after they have; and after its place was given away.
  lease(all, placed(store)[0]!);
  store.setBackends("one", [backend("b")]);
  assert.ok(store.isLeaving("one", "a:80"));
  store.setBackends("one", [backend("a"), backend("b")]);
  assert.deepEqual(flags(), [backendFlag.draining, 0]);
  const busy = placed(store)[0]!;
  store.setBackends("one", [backend("b")]);
  store.settle(store.snapshot.version);
  store.setDrained("one", "a:80", false);
  assert.equal(Atomics.load(shared.backendFlags, busy.slot), backendFlag.draining);
  store.setDrained("one", "a:80", true);
  release(all, busy);
  store.settle(store.snapshot.version);
  assert.equal(store.find("one", "a:80"), undefined);
  store.setBackends("one", [backend("c"), backend("a")]);
  assert.deepEqual(flags(), [0, backendFlag.draining]);

  store.setDrained("one", "a:80", false);
  assert.deepEqual(flags(), [0, 0]);
  assert.equal(store.isDrained("one", "a:80"), false);
});

const configured = async (listeners: string, pools: string): Promise<Model> =>
  await loadModel(`${listeners}\n${pools}`);

const pools = `
  pools.one.discovery = { type = "static", backends = ["127.0.0.1:1"] }
  pools.two.discovery = { type = "static", backends = ["127.0.0.1:1"] }`;

test("another model changes what differs; the rest stays the same object, and keeps place, backends and counters", async () => {
  const { store } = scene();
  store.setBackends("one", [backend("a"), backend("b")]);
  const before = store.snapshot;
  const same = await configured(
    `listeners.a = { bind = "127.0.0.9:1", pool = "one" }\nlisteners.b = { bind = "127.0.0.9:2", pool = "two" }`,
    pools,
  );
  const after = store.configure(same, boundAs(same));
  assert.equal(after.version, before.version + 1);
  assert.deepEqual(after, { ...before, version: after.version });
  for (const [index, listener] of after.listeners.entries()) assert.equal(listener, before.listeners[index]);
  for (const [index, pool] of after.pools.entries()) assert.equal(pool, before.pools[index]);

  const other = await configured(
    `listeners.b = { bind = "127.0.0.9:2", pool = "one" }`,
    pools.replace("pools.two", `pools.one.picker = "random"\npools.three`),
  );
  const [, b] = before.listeners;
  const [one] = before.pools;
  const { listeners, pools: now } = store.configure(other, boundAs(other));
  const [chain] = other.listeners[0]!.chains;
  assert.equal(relayTarget(chain!.serve)[0]!.pool, "one");
  assert.deepEqual(listeners, [{ ...b!, chains: [chain] }]);
  assert.equal(store.retire(store.version - 1), false);
  assert.equal(now[2], before.pools[1]);
  assert.deepEqual(now[0], { ...one!, picker: { type: "random" } });
  assert.deepEqual([now.length, now[1]!.name, now[1]!.backends], [3, "three", []]);
  assert.equal(store.retire(store.version), true);
  assert.deepEqual(store.snapshot, {
    version: store.version,
    listeners,
    pools: now.slice(0, 2),
    routeTables: [],
  });
});

test("what left counts as long as it has sessions, comes back to its place until then, and to a new one after", async () => {
  const all = scene();
  const { store, shared, memories } = all;
  store.setBackends("two", [backend("a")]);
  const [, b] = store.snapshot.listeners;
  const [, two] = store.snapshot.pools;
  const [a] = two!.backends;
  lease(all, a!);
  Atomics.add(shared.listenerActive, b!.slot, 1);
  Atomics.add(shared.poolActive, two!.slot, 1);
  memories[1]![b!.counters + listenerCell.accepted] = 5;
  memories[1]![two!.counters + poolCell.leased] = 7;
  const less = await configured(
    `listeners.a = { bind = "127.0.0.9:1", pool = "one" }`,
    pools.replace(/pools\.two.*/, ""),
  );
  store.configure(less, boundAs(less));
  store.retire(store.version);
  store.settle(store.snapshot.version);
  const names = (things: readonly { readonly name: string }[]): string[] => things.map(({ name }) => name);
  assert.deepEqual(names(store.snapshot.listeners), ["a"]);
  assert.deepEqual(names(store.observed.listeners), ["a", "b"]);
  assert.deepEqual(names(store.listeners), ["a", "b"]);
  assert.deepEqual(names(store.observed.pools), ["one", "two"]);
  assert.deepEqual(observed(store, "two"), ["a:80"]);

  // Back while it has sessions.
  store.configure(model, boundAs(model));
  assert.deepEqual(names(store.observed.listeners), ["a", "b"]);
  store.setBackends("two", [backend("a")]);
  const [, bAgain] = store.snapshot.listeners;
  assert.deepEqual([bAgain!.slot, bAgain!.counters], [b!.slot, b!.counters]);
  assert.deepEqual(store.snapshot.pools[1], two);

  // Its place is free when the last session has ended and every worker has noticed; its counters are at 0.
  store.configure(less, boundAs(less));
  store.retire(store.version);
  release(all, a!);
  Atomics.sub(shared.listenerActive, b!.slot, 1);
  Atomics.sub(shared.poolActive, two!.slot, 1);
  store.settle(store.snapshot.version - 2);
  assert.equal(memories[1]![b!.counters + listenerCell.accepted], 5);
  store.settle(store.snapshot.version);
  assert.deepEqual(names(store.listeners), ["a"]);
  assert.equal(memories[1]![b!.counters + listenerCell.accepted], 0);
  assert.equal(memories[1]![two!.counters + poolCell.leased], 0);
  const renamed = await configured(
    `listeners.c = { bind = "127.0.0.9:2", pool = "three" }`,
    pools.replace("two", "three"),
  );
  const { listeners, pools: now } = store.configure(renamed, boundAs(renamed));
  assert.equal(listeners[0]!.slot, b!.slot);
  assert.equal(now.find(({ name }) => name === "three")!.slot, two!.slot);
});

test("TLS that did not change stays the same object while everything else about its listener and pool changes", async () => {
  const { ca, ecdsa } = await testCertificates();
  const of = (more: string): Promise<Model> =>
    loadModel(`
  [listeners.a]
  bind = "127.0.0.9:1"
  pool = "one"
  ${more}
  tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
  tls.client_auth = { ca = "${ca}" }
  [pools.one]
  ${more === "" ? "" : 'picker = "random"'}
  tls.ca = "${ca}"
  discovery = { type = "static", backends = ["127.0.0.1:1"] }`);
  const { store } = scene(await of(""));
  const before = store.snapshot;
  const wanted = await of('routes = [{ sni = ["a.test"], pool = "one" }]');
  assert.notEqual(wanted.listeners[0]!.tls[0], before.listeners[0]!.tls[0]);
  const { addresses, accept } = before.listeners[0]!;
  const { listeners, pools } = store.configure(wanted, new Map([["a", { addresses, accept }]]));
  assert.equal(listeners[0]!.chains.length, 2);
  assert.equal(pools[0]!.picker.type, "random");
  assert.equal(listeners[0]!.tls[0], before.listeners[0]!.tls[0]);
  assert.equal(pools[0]!.tls, before.pools[0]!.tls);
});

test("more listeners than there is room for are refused, and nothing changes", () => {
  const { store } = scene();
  const before = store.snapshot;
  const many = Array.from({ length: layout.listener.capacity }, (_, index) => ({
    ...model.listeners[0]!,
    name: `l${index}`,
  }));
  const next = { ...model, listeners: many };
  assert.throws(
    () => store.configure(next, boundAs(next)),
    /room for 1022 more listeners, not for 1024, until sessions/,
  );
  assert.equal(store.snapshot, before);
});
