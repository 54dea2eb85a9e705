import assert from "node:assert/strict";
import { test } from "node:test";
import { createSharedMemory } from "../../../src/channel/memory.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { PoolBackends } from "../../../src/control/backends/pool-backends.ts";
import { Store } from "../../../src/control/state/store.ts";
import { ok } from "../../../src/lib/result.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { loadModel } from "../../providers/toml/loading.ts";
import { backendAt, boundAs } from "../workers/feed-scene.ts";
import { GivenSource } from "./given-source.ts";

const model = await loadModel(`
  listeners.a = { bind = "127.0.0.9:1", pool = "one" }
  pools.one.discovery = { type = "static", backends = ["127.0.0.1:1"] }`);
const [one] = model.pools;

function scene() {
  const store = new Store(model, boundAs(model), createSharedMemory(), new WorkerCounters(1));
  const logger = createLogger({ level: "silent" }, { write: () => {} });
  const sources: GivenSource[] = [];
  const discover = (): GivenSource => {
    sources.push(new GivenSource());
    return sources.at(-1)!;
  };
  /** The steps that concern others, in their order. */
  const steps: string[] = [];
  const settle = (): number => steps.push("settle");
  const spread = (): number => steps.push(`spread ${store.version}`);
  const backends = new PoolBackends({ store, logger, discover, settle, spread });
  const served = (): string[] => store.pool("one")!.placed.backends.map(({ address }) => address);
  return { store, sources, steps, backends, served };
}

test("the backends that a pool's discovery finds are served from when it is followed, after places were given back", async () => {
  const { backends, sources, steps, served, store } = scene();
  const discovery = backends.discover(one!);
  await sources[0]!.give(ok([backendAt(1)]));
  assert.deepEqual(served(), []);
  backends.follow("one", discovery);
  await sources[0]!.give(ok([backendAt(1), backendAt(2)]));
  assert.deepEqual(served(), ["127.0.0.1:1", "127.0.0.1:2"]);
  assert.deepEqual(steps.slice(-2), ["settle", `spread ${store.version}`]);
});

test("another discovery of a pool takes the place of the one before, and after a stop none finds anything", async () => {
  const { backends, sources, served } = scene();
  backends.follow("one", backends.discover(one!));
  const next = backends.discover(one!);
  backends.follow("one", next);
  await sources[0]!.give(ok([backendAt(1)]));
  assert.deepEqual(served(), []);
  await sources[1]!.give(ok([backendAt(2)]));
  assert.deepEqual(served(), ["127.0.0.1:2"]);
  backends.stop();
  await sources[1]!.give(ok([backendAt(3)]));
  // One that was under way then.
  backends.follow("one", backends.discover(one!));
  await sources[2]!.give(ok([backendAt(4)]));
  assert.deepEqual(served(), ["127.0.0.1:2"]);
});
