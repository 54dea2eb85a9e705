import assert from "node:assert/strict";
import { test } from "node:test";
import { createSharedMemory } from "../../../src/channel/memory.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { BackendPlaces } from "../../../src/control/state/backend-places.ts";
import { PoolPlaces } from "../../../src/control/state/pool-places.ts";
import { Touches } from "../../../src/control/state/touched.ts";
import { loadModel } from "../../providers/toml/loading.ts";

const { pools } = await loadModel(`
  listeners.a = { bind = "127.0.0.9:1", mode = "passthrough", routes = [{ sni = ["a.test"], pool = "one" }], pool = "two" }
  pools.one.discovery = { type = "static", backends = ["127.0.0.1:1"] }
  pools.two.discovery = { type = "static", backends = ["127.0.0.1:1"] }`);
const [one] = pools;

function scene() {
  const shared = createSharedMemory();
  const counters = new WorkerCounters(2);
  const touched = new Touches();
  const places = new PoolPlaces(shared, counters, new BackendPlaces(shared, counters), touched);
  places.follow(pools, 1);
  const target = { kind: "tcp", host: "a", port: 80 } as const;
  places.setBackends("two", [{ address: "a:80", target, weight: 1, tier: 0 }], 2);
  touched.take();
  return { places, touched, two: places.present.get("two")! };
}

test("nobody looks for backends of a pool any more once it is gone, and they have left it", () => {
  const { places, touched, two } = scene();
  let stopped = 0;
  two.discovery = { everFound: true, errors: 0, lastError: undefined, stop: () => void stopped++ };
  places.follow([one!], 3);
  // Connections that were accepted before may still choose it.
  assert.equal(places.retire(2, 4), false);
  assert.deepEqual([stopped, places.present.has("two"), touched.take().pools.size], [0, true, 0]);
  assert.equal(places.retire(3, 4), true);
  assert.deepEqual([stopped, two.discovery, places.present.has("two")], [1, undefined, false]);
  const { pools: names, left } = touched.take();
  assert.deepEqual([[...names], left.map(({ backend }) => backend.address)], [["two"], ["a:80"]]);
  assert.equal(places.retire(3, 5), false);
});

test("a pool that comes back before it is gone stays, with its backends", () => {
  const { places, two } = scene();
  places.follow([one!], 3);
  places.follow(pools, 4);
  assert.equal(places.retire(9, 10), false);
  assert.equal(places.present.get("two"), two);
  assert.deepEqual([two.leftIn, two.placed.backends.length], [undefined, 1]);
});

test("a start waits for the backends of its pools, and not for those of pools that come later", () => {
  const { places } = scene();
  places.follow([...pools, { ...one!, name: "three" }], 3);
  assert.deepEqual(
    [...places.present.values()].map(({ required }) => required),
    [true, true, false],
  );
});
