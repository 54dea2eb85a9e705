import { setImmediate as turn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Backend } from "../../model/backend.ts";
import type { Model } from "../../model/model.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import type { Discovery } from "../backends/discovery.ts";
import type { PoolBackends } from "../backends/pool-backends.ts";
import { endDiscovery } from "../state/managed-pool.ts";
import type { Store } from "../state/store.ts";
import { bindListeners } from "../workers/bind.ts";
import type { Handover } from "../workers/handover.ts";
import type { Supervisor } from "../workers/supervisor.ts";
import { withoutRestart } from "./changes.ts";
import type { Upkeep } from "./upkeep.ts";

/** How long workers may take to serve another configuration, in milliseconds, besides the time until one that hangs is replaced. */
const patience = 10_000;

/** The parts of the control plane that serve a model. */
export interface Serving {
  readonly state: "starting" | "ready" | "draining";
  readonly model: Model;
  readonly store: Store;
  readonly backends: PoolBackends;
  readonly supervisor: Supervisor;
  readonly handover: Handover;
  readonly upkeep: Upkeep;
  /** This is the model from now on. */
  adopt(model: Model): void;
  /** Tells everyone what was touched. */
  spread(): void;
  /** Something could not be taken back. */
  failed(error: Error): void;
}

type Discoveries = ReadonlyMap<string, Discovery>;

/** The backends of pools, by name. */
type Placed = Map<string, readonly Backend[]>;

/**
 * Serves another model from now on, but for what counts from a start on. Sessions go on as they began, and what did not
 * change is not touched. Nobody waits for a name: sessions of a pool whose discovery has not answered yet wait for it.
 * @throws where that can't be done: what was served is served on.
 */
export async function reconfigure(serving: Serving, wanted: Model): Promise<void> {
  const { model: before, store } = serving;
  const next = withoutRestart(before, wanted);
  const bound = await bindListeners(next.listeners, store.snapshot.listeners);
  const discoveries = discoverChanged(serving, next);
  const placed: Placed = new Map();
  try {
    // A list of addresses is known by then.
    await turn();
    await serve(serving, next, bound.listeners, discoveries, placed);
  } catch (error) {
    for (const discovery of discoveries.values()) discovery.stop();
    throw error;
  } finally {
    bound.release();
  }
  for (const [name, discovery] of discoveries) serving.backends.follow(name, discovery);
  // Discovery may have answered again meanwhile.
  placeFound(serving, discoveries, placed);
  serving.spread();
  const kept = new Set(next.pools.map(({ name }) => name));
  for (const { name } of before.pools) if (!kept.has(name)) stopDiscovery(store, name);
}

/** Finds out whether the addresses of a model can be had, and takes none. @throws where they can't. */
export async function tryAddresses({ model, store }: Serving, wanted: Model): Promise<void> {
  const next = withoutRestart(model, wanted);
  const bound = await bindListeners(next.listeners, store.snapshot.listeners);
  bound.release();
}

/** Of new pools, and of those that find their backends in another way. */
function discoverChanged(serving: Serving, next: Model): Discoveries {
  const before = new Map(serving.model.pools.map(({ name, discovery }) => [name, discovery]));
  const changed = next.pools.filter(({ name, discovery }) => !isDeepStrictEqual(discovery, before.get(name)));
  return new Map(changed.map((pool) => [pool.name, serving.backends.discover(pool)]));
}

/** The workers serve this, all of it on all of them; or all of them serve on what they served before. */
async function serve(
  serving: Serving,
  next: Model,
  bound: Parameters<Store["configure"]>[1],
  discoveries: Discoveries,
  placed: Placed,
): Promise<void> {
  const { state, model: before, store, supervisor, handover, upkeep } = serving;
  if (state === "draining") throw new Error(`umay is ${state}`);
  const { listeners, pools } = store.snapshot;
  const backends = new Map(pools.map((pool) => [pool.name, pool.backends]));
  upkeep.pause();
  try {
    store.configure(next, bound);
    placeFound(serving, discoveries, placed);
    serving.adopt(next);
    serving.spread();
    await supervisor.publishing.served(store.version, patience + (next.watchdog ?? 0));
    await handover.follow(store.snapshot.listeners);
  } catch (error) {
    store.configure(before, boundAs(listeners));
    for (const { name } of before.pools)
      if (discoveries.has(name)) serving.backends.place(name, backends.get(name) ?? []);
    serving.adopt(before);
    serving.spread();
    await handover.follow(listeners).catch((failure: Error) => serving.failed(failure));
    throw error;
  } finally {
    upkeep.follow(serving.model);
  }
}

/** @param placed those that have their places already. */
function placeFound(serving: Serving, discoveries: Discoveries, placed: Placed): void {
  for (const [pool, { found }] of discoveries) {
    if (found === undefined || placed.get(pool) === found) continue;
    serving.backends.place(pool, found);
    placed.set(pool, found);
  }
}

function stopDiscovery(store: Store, name: string): void {
  const pool = store.pool(name);
  // It may be gone already.
  if (pool !== undefined) endDiscovery(pool);
}

const boundAs = (listeners: readonly PlacedListener[]): ReadonlyMap<string, PlacedListener> =>
  new Map(listeners.map((listener) => [listener.name, listener]));
