import { isDeepStrictEqual } from "node:util";
import type { SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import type { MaterialOfAll } from "../../material/renewal.ts";
import type { Backend, PlacedBackend } from "../../model/backend.ts";
import type { Pool } from "../../model/pool.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import type { BackendPlaces } from "./backend-places.ts";
import { endDiscovery, type ManagedPool, needsBackends, servedPart } from "./managed-pool.ts";
import { namesOf, Places, unlessSame } from "./places.ts";
import type { Touches } from "./touched.ts";

/** The version of a start. */
const firstVersion = 1;

/**
 * The pools, with their places in shared memory. One that left the configuration is served until nobody can choose from
 * it any more.
 */
export class PoolPlaces {
  readonly #places: Places<PlacedPool>;
  readonly #backends: BackendPlaces;
  readonly #touched: Touches;
  #present = new Map<string, ManagedPool>();
  /** Those of them that left the configuration. */
  readonly #lingering = new Set<ManagedPool>();

  constructor(shared: SharedMemory, counters: WorkerCounters, backends: BackendPlaces, touched: Touches) {
    this.#backends = backends;
    this.#touched = touched;
    this.#places = new Places({
      kind: "pool",
      shared,
      counters,
      busy: (slot) =>
        [shared.poolActive, shared.poolRetries, shared.poolWaiting].some(
          (cells) => Atomics.load(cells, slot) > 0,
        ),
    });
  }

  /** Those that are served, by name. */
  get present(): ReadonlyMap<string, ManagedPool> {
    return this.#present;
  }

  /** As {@link Places.busy}. */
  get busy(): readonly PlacedPool[] {
    return this.#places.busy;
  }

  /** @throws where there is no place for all of them. */
  check(pools: readonly Pool[]): void {
    this.#places.check("pools", namesOf(pools), [...this.#present.keys()]);
  }

  /**
   * These are the configured pools from now on. One that stays keeps its place, its counters and its backends; the others
   * linger until they {@link retire}.
   * @param version the first one with them.
   */
  follow(pools: readonly Pool[], version: number): void {
    const before = this.#present;
    this.#present = new Map(
      pools.map((pool) => [pool.name, this.#manage(pool, before.get(pool.name), version)]),
    );
    for (const [name, pool] of before)
      if (!this.#present.has(name)) {
        pool.leftIn ??= version;
        this.#lingering.add(pool);
        this.#present.set(name, pool);
      }
  }

  /** Replaces what was renewed. */
  renew(renewed: MaterialOfAll["pools"]): void {
    for (const [name, { health, ...transports }] of renewed) {
      const pool = this.#present.get(name)!;
      pool.config = { ...pool.config, ...transports, health };
      this.#replace(pool, { ...pool.placed, ...transports });
    }
  }

  /** @param version the first one with these backends. @returns those that have a place. */
  setBackends(name: string, backends: readonly Backend[], version: number): readonly PlacedBackend[] {
    const pool = this.#present.get(name)!;
    const placed = this.#replaceBackends(pool, backends, version);
    this.#replace(pool, { ...pool.placed, backends: placed, warming: false });
    return placed;
  }

  /** Its discovery had its time for a first answer. @returns whether sessions have waited for that until now. */
  endWarming(name: string): boolean {
    const pool = this.#present.get(name);
    if (pool === undefined || !pool.placed.warming) return false;
    this.#replace(pool, { ...pool.placed, warming: false });
    return true;
  }

  /**
   * Those that left the configuration go when nobody can choose from them any more.
   * @param settled every connection that was accepted before this version has chosen.
   * @param version the first one without them.
   * @returns whether one went.
   */
  retire(settled: number, version: number): boolean {
    const gone = [...this.#lingering].filter(({ leftIn }) => leftIn! <= settled);
    for (const pool of gone) {
      const { name, placed } = endDiscovery(pool);
      this.#places.leave(name, placed.slot, { ...placed, backends: [] }, version);
      this.#touched.pools.add(name);
      this.#replaceBackends(pool, [], version);
      this.#present.delete(name);
      this.#lingering.delete(pool);
    }
    return gone.length > 0;
  }

  /** As {@link Places.settle}. */
  settle(applied: number): void {
    this.#places.settle(applied);
  }

  #manage(config: Pool, before: ManagedPool | undefined, version: number): ManagedPool {
    const { name } = config;
    const slot = before?.placed.slot ?? this.#places.take(name)!;
    const counters = this.#places.counters(slot);
    const { backends = [], warming = true } = before?.placed ?? {};
    const tls = unlessSame(config.tls, before?.placed.tls);
    const transports = config.transports && unlessSame(config.transports, before?.placed.transports);
    const part = { ...servedPart(config), tls, ...(transports !== undefined && { transports }) };
    const placed = { ...part, slot, counters, backends, warming };
    if (before === undefined) {
      this.#touched.pools.add(name);
      return {
        name,
        required: version === firstVersion && needsBackends(config),
        config,
        placed,
        leftIn: undefined,
        discovery: undefined,
        checks: new Map(),
        panic: [],
      };
    }
    before.leftIn = undefined;
    this.#lingering.delete(before);
    if (isDeepStrictEqual(config, before.config)) return before;
    before.config = config;
    this.#replace(before, unlessSame(placed, before.placed));
    return before;
  }

  #replace(pool: ManagedPool, placed: PlacedPool): void {
    pool.placed = placed;
    this.#touched.pools.add(pool.name);
  }

  /** From this version on, those that are missing are not in their pool. */
  #replaceBackends(
    pool: ManagedPool,
    backends: readonly Backend[],
    version: number,
  ): readonly PlacedBackend[] {
    const { placed, left } = this.#backends.replace(pool, backends, version);
    this.#touched.left.push(...left);
    return placed;
  }
}
