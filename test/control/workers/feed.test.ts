import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Wanted } from "../../../src/control/state/store.ts";
import { relayTarget } from "../../../src/model/chain.ts";
import { loadModel } from "../../providers/toml/loading.ts";
import { type CertificatePair, testCertificates } from "../../support/certificates.ts";
import { backendAt, boundAs, FeedScene } from "./feed-scene.ts";

const names = ["a", "b", "c"];
const { listeners, pools } = await loadModel(
  names
    .map(
      (name, index) => `
    pools.${name}.discovery = { type = "static", backends = ["127.0.0.1:1"] }
    listeners.${name} = { bind = "127.0.0.9:${index + 1}", pool = "${name}", routes = [{ sni = ["b.test"], passthrough = true, pool = "b" }] }`,
    )
    .join("\n"),
);

/** Some of them, one perhaps with another picker. */
const wanted = fc
  .record({ served: fc.subarray(names), picker: fc.constantFrom("random", "round-robin") })
  .map(({ served, picker }): Wanted => {
    const needed = new Set([...served, ...(served.length > 0 ? ["b"] : [])]);
    return {
      routeTables: [],
      listeners: listeners.filter(({ name }) => served.includes(name)),
      pools: pools
        .filter(({ name }) => needed.has(name))
        .map((pool) => (pool.name === "b" ? { ...pool, picker: { type: picker } as const } : pool)),
    };
  });

const found = fc.record({
  pool: fc.constantFrom(...names),
  ports: fc.uniqueArray(fc.integer({ min: 1, max: 5 })),
});
const worker = fc.nat(1);

const step = fc.oneof(
  found.map((set) => ({ set })),
  wanted.map((configure) => ({ configure })),
  worker.map((answer) => ({ answer })),
  worker.map((refuse) => ({ refuse })),
  worker.map((flush) => ({ flush })),
);

const all: Wanted = { listeners, pools, routeTables: [] };

test("whatever changes, is merged and is refused: the changes lead every worker to the whole state", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const scene = new FeedScene(all, 2);
      const { store, workers } = scene;
      for (const each of steps) {
        if ("set" in each) {
          if (store.pool(each.set.pool) === undefined) continue;
          store.setBackends(each.set.pool, each.set.ports.map(backendAt));
        }
        if ("configure" in each) store.configure(each.configure, boundAs(each.configure));
        if ("answer" in each) await workers[each.answer]!.answer();
        if ("refuse" in each) await workers[each.refuse]!.answer(true);
        if ("flush" in each) workers[each.flush]!.feed.flush(scene.log);
        else scene.spread();
        store.retire(Math.min(...workers.map(({ settled }) => settled)));
        for (const { sent } of workers)
          assert.ok(sent.length <= 1 + steps.filter((other) => "flush" in other).length);
      }
      scene.spread();
      await scene.settle();
      // A refused change goes with the next one.
      store.endWarming("b");
      const [pool] = store.names.pools;
      if (pool !== undefined) store.setBackends(pool, []);
      scene.spread();
      await scene.settle();
      for (const each of workers) {
        assert.deepEqual(each.served(store), scene.wanted());
        assert.equal(each.applied, store.version);
        assert.equal(each.refusal, undefined);
      }
    }),
    { numRuns: 80 },
  );
});

test("a refusal by any worker leaves all of them on what was served, when that is asked for again", async () => {
  await fc.assert(
    fc.asyncProperty(wanted, wanted, fc.nat(2), async (first, second, refusing) => {
      const scene = new FeedScene(first, 3);
      const { store, workers } = scene;
      await scene.settle();
      store.configure(second, boundAs(second));
      scene.spread();
      for (const [index, each] of workers.entries()) await each.answer(index === refusing);
      assert.deepEqual(
        workers.map(({ refusal }) => refusal),
        workers.map((_, index) => (index === refusing ? "not here" : undefined)),
      );
      store.configure(first, boundAs(first));
      scene.spread();
      await scene.settle();
      store.retire(Math.min(...workers.map(({ settled }) => settled)));
      scene.spread();
      await scene.settle();
      const pools = first.pools.map(({ name }) => name).sort();
      for (const each of workers) {
        assert.deepEqual(each.served(store), scene.wanted());
        assert.deepEqual([...each.state.pools.keys()].sort(), pools);
        assert.equal(each.applied, store.version);
      }
    }),
    { numRuns: 50 },
  );
});

test("a burst of changes is one change, with the newest of each, and nothing of what did not change", async () => {
  const scene = new FeedScene(all, 1);
  const { store, workers } = scene;
  const [only] = workers;
  await scene.settle();
  const sent: object[] = [];
  for (let port = 1; port <= 100; port++) {
    store.setBackends(port % 2 === 0 ? "a" : "b", [backendAt(port)]);
    scene.spread();
    assert.equal(only!.sent.length, 1);
  }
  for (let count = 0; count < 2; count++) {
    const [{ listeners: changed, pools: backends, gone } = assert.fail("nothing was sent")] = only!.sent;
    sent.push([
      changed,
      gone,
      backends.map((pool) => [pool.name, pool.backends.map(({ address }) => address)]),
    ]);
    await only!.answer();
  }
  const none = { listeners: [], pools: [], routeTables: [] };
  assert.deepEqual(sent, [
    [[], none, [["b", ["127.0.0.1:1"]]]],
    [
      [],
      none,
      [
        ["a", ["127.0.0.1:100"]],
        ["b", ["127.0.0.1:99"]],
      ],
    ],
  ]);
  assert.equal(only!.sent.length, 0);
  assert.equal(only!.applied, store.version);
});

test("another route sends and makes no TLS; another certificate or ticket key does", async () => {
  const { ecdsa, rsa } = await testCertificates();
  const of = ({ cert, key }: CertificatePair, routes: string): Promise<Wanted> =>
    loadModel(`
    pools.a = { discovery = { type = "static", backends = ["127.0.0.1:1"] }, tls = { verify = false, alpn = ["h2"] } }
    listeners.a = { bind = "127.0.0.9:1", pool = "a", routes = ${routes}, tls.certificates = [{ cert = "${cert}", key = "${key}" }] }`);
  const scene = new FeedScene(await of(ecdsa, "[]"), 1);
  const [worker] = scene.workers;
  const { store } = scene;
  const change = async (next: Wanted): Promise<void> => {
    store.configure(next, boundAs(next));
    scene.spread();
    await scene.settle();
  };
  await scene.settle();
  const terminationNow = () => worker!.state.listener("a")!.terminationOf("tls");
  const termination = terminationNow();
  const tlsNow = () => {
    const pool = worker!.state.pools.get("a")!;
    return pool.wiringOf(pool.definition.backends[0]!).tls;
  };
  store.setBackends("a", [backendAt(8)]);
  scene.spread();
  await scene.settle();
  const tls = tlsNow();
  await change(await of(ecdsa, '[{ sni = ["a.test"], pool = "a" }]'));
  store.setBackends("a", [backendAt(9)]);
  scene.spread();
  await scene.settle();
  assert.equal(worker!.state.listener("a")!.definition.chains.length, 2);
  assert.equal(terminationNow(), termination);
  assert.ok(tls !== undefined && tlsNow() === tls);
  store.rotateTickets("a");
  scene.spread();
  await scene.settle();
  const rotated = terminationNow();
  assert.notEqual(rotated, termination);
  await change(await of(rsa, "[]"));
  assert.notEqual(terminationNow(), rotated);
  assert.deepEqual(worker!.served(store), scene.wanted());
});

test("what relies on a change that was refused is not served, though the worker took it", async () => {
  const scene = new FeedScene(all, 1);
  const { store, workers } = scene;
  const [only] = workers;
  await scene.settle();
  const { applied } = only!;
  store.setBackends("a", [backendAt(1)]);
  scene.spread();
  store.setBackends("b", [backendAt(2)]);
  scene.spread();
  // Something that depends on it is sent, a socket say.
  only!.feed.flush(scene.log);
  assert.equal(only!.sent.length, 2);
  await only!.answer(true);
  await only!.answer();
  assert.deepEqual([only!.refusal, only!.applied], ["not here", applied]);
  store.setBackends("c", [backendAt(3)]);
  scene.spread();
  await scene.settle();
  assert.deepEqual(only!.served(store), scene.wanted());
  assert.equal(only!.applied, store.version);
});

const connection = fc.oneof(
  fc.record({ accept: fc.constantFrom(...names), worker }),
  fc.record({ decide: fc.nat() }),
  wanted.map((configure) => ({ configure })),
  fc.record({ answer: worker }),
);

test("a pool that left is there for as long as a connection may choose it, and goes when none may", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(connection, { maxLength: 40 }), async (steps) => {
      const scene = new FeedScene(all, 2);
      const { store, workers } = scene;
      await scene.settle();
      const undecided: (() => void)[] = [];
      const retire = (): void => {
        if (store.retire(Math.min(...workers.map(({ settled }) => settled)))) scene.spread();
      };
      for (const each of steps) {
        if ("accept" in each) {
          const listener = workers[each.worker]!.state.listener(each.accept);
          if (listener === undefined) continue;
          listener.undecided++;
          undecided.push(() => {
            // It may go to any of its pools.
            for (const chain of listener.definition.chains)
              for (const { pool } of relayTarget(chain.serve))
                assert.equal(listener.poolNamed(pool)!.definition.name, pool);
            listener.decided();
          });
        }
        if ("decide" in each && undecided.length > 0)
          undecided.splice(each.decide % undecided.length, 1)[0]!();
        if ("configure" in each) {
          store.configure(each.configure, boundAs(each.configure));
          scene.spread();
        }
        if ("answer" in each) await workers[each.answer]!.answer();
        retire();
      }
      await scene.settle();
      retire();
      await scene.settle();
      for (const decide of undecided) decide();
      retire();
      await scene.settle();
      const configured = [...store.pools].filter(({ leftIn }) => leftIn === undefined);
      for (const { state } of workers) assert.equal(state.pools.size, configured.length);
    }),
    { numRuns: 80 },
  );
});
