import { isDeepStrictEqual } from "node:util";
import { ringNews } from "../../channel/bells.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import type { SocketAddress } from "../../lib/address.ts";
import type { MaterialOfAll } from "../../material/renewal.ts";
import { listenerWithMaterial, tablesWithMaterial } from "../../material/with-material.ts";
import type { Challenge } from "../../model/acme.ts";
import type { Backend, PlacedBackend } from "../../model/backend.ts";
import type { Listener } from "../../model/listener.ts";
import type { Model } from "../../model/model.ts";
import type { Pool } from "../../model/pool.ts";
import type { PlacedListener, PlacedPool, PlacedRouteTable, Snapshot } from "../../model/snapshot.ts";
import { BackendPlaces } from "./backend-places.ts";
import { addressTableOf, newTicketKeys, ticketKeysOf, unlessSame } from "./listener-parts.ts";
import { endDiscovery, type Followed, type ManagedPool, needsBackends, servedPart } from "./managed-pool.ts";
import { Places } from "./places.ts";
import { RoutePlaces } from "./route-places.ts";
import { type LeavingBackend, type Touched, Touches } from "./touched.ts";

/** A listener's addresses with known ports, and who accepts on them. */
export interface BoundListener {
  readonly addresses: readonly SocketAddress[];
  readonly accept: PlacedListener["accept"];
}

/** The listeners and pools that are to be served. */
export type Wanted = Pick<Model, "listeners" | "pools" | "routeTables">;

/**
 * The whole state of the control plane: the model plus what discovery found, as numbered snapshots. It also gives
 * every listener, pool and backend its place in shared memory.
 */
export class Store {
  readonly #shared: SharedMemory;
  readonly #workers: number;
  readonly #listenerPlaces: Places<PlacedListener>;
  readonly #poolPlaces: Places<PlacedPool>;
  readonly #backends: BackendPlaces;
  readonly #routePlaces: RoutePlaces;
  #listeners = new Map<string, PlacedListener>();
  #pools = new Map<string, ManagedPool>();
  #routeTables = new Map<string, PlacedRouteTable>();
  /** Those of them that left the configuration. */
  readonly #lingering = new Set<ManagedPool>();
  #touched = new Touches();
  /** Undefined: there has been none. */
  #challenges: readonly Challenge[] | undefined;
  #version = 0;
  #snapshot: Snapshot | undefined;

  constructor(
    wanted: Wanted,
    bound: ReadonlyMap<string, BoundListener>,
    shared: SharedMemory,
    counters: WorkerCounters,
  ) {
    this.#shared = shared;
    this.#workers = counters.memories.length;
    this.#listenerPlaces = new Places({
      kind: "listener",
      shared,
      counters,
      busy: (slot) => Atomics.load(shared.listenerActive, slot) > 0,
    });
    this.#poolPlaces = new Places({
      kind: "pool",
      shared,
      counters,
      busy: (slot) =>
        [shared.poolActive, shared.poolRetries, shared.poolWaiting].some(
          (cells) => Atomics.load(cells, slot) > 0,
        ),
    });
    this.#backends = new BackendPlaces(shared, counters);
    this.#routePlaces = new RoutePlaces(shared, counters);
    this.configure(wanted, bound);
  }

  /** The number of the present state: each change makes it one more. */
  get version(): number {
    return this.#version;
  }

  /** The present state. It is put together when it is asked for: with ten thousand pools that takes a while. */
  get snapshot(): Snapshot {
    this.#snapshot ??= {
      version: this.#version,
      listeners: [...this.#listeners.values()],
      pools: [...this.#pools.values()].map(({ placed }) => placed),
      routeTables: [...this.#routeTables.values()],
    };
    return this.#snapshot;
  }

  /** The names of all that there is. */
  get names(): Touched {
    return {
      listeners: new Set(this.#listeners.keys()),
      pools: new Set(this.#pools.keys()),
      routeTables: new Set(this.#routeTables.keys()),
    };
  }

  listener(name: string): PlacedListener | undefined {
    return this.#listeners.get(name);
  }

  pool(name: string): ManagedPool | undefined {
    return this.#pools.get(name);
  }

  routeTable(name: string): PlacedRouteTable | undefined {
    return this.#routeTables.get(name);
  }

  /** The listeners of the snapshot, without putting it together. */
  get present(): readonly PlacedListener[] {
    return [...this.#listeners.values()];
  }

  get pools(): Iterable<ManagedPool> {
    return this.#pools.values();
  }

  /** Shown to certificate authorities; undefined: there has been none. */
  get challenges(): readonly Challenge[] | undefined {
    return this.#challenges;
  }

  /** Has these challenges shown, and no others. */
  setChallenges(challenges: readonly Challenge[]): void {
    this.#challenges = challenges;
    this.#change();
  }

  /** The names that were touched since this was last called. */
  takeTouched(): Touches {
    const touched = this.#touched;
    this.#touched = new Touches();
    return touched;
  }

  /** The listeners and pools that metrics and status tell of: those of the snapshot, and those that left but still have sessions. */
  get observed(): Snapshot {
    const left = Map.groupBy(this.#backends.busy, ({ pool }) => pool.name);
    const pools = [...this.snapshot.pools, ...this.#poolPlaces.busy].map((pool) => {
      const backends = left.get(pool.name)?.map(({ backend }) => backend);
      return backends === undefined ? pool : { ...pool, backends: [...pool.backends, ...backends] };
    });
    return { ...this.snapshot, listeners: [...this.snapshot.listeners, ...this.#listenerPlaces.busy], pools };
  }

  /** All that may still count: those of the snapshot, and those that left and still have their place. */
  get listeners(): readonly PlacedListener[] {
    return [...this.#listeners.values(), ...this.#listenerPlaces.leaving];
  }

  /** Gives back what a dead worker had under way in rate limits. @param worker 1 to count of workers. */
  readonly giveBack = (worker: number): void => this.#routePlaces.giveBack(worker);

  /**
   * Serves other listeners and pools. One that did not change stays the same object; one with the same name keeps its place, its
   * counters, its tickets and, if it is a pool, its backends. Pools that left are served until they {@link retire}.
   * @throws where there is no room for so many; nothing has changed then.
   */
  configure({ listeners, pools, routeTables }: Wanted, bound: ReadonlyMap<string, BoundListener>): Snapshot {
    this.#listenerPlaces.check("listeners", namesOf(listeners), [...this.#listeners.keys()]);
    this.#poolPlaces.check("pools", namesOf(pools), [...this.#pools.keys()]);
    this.#routePlaces.check(routeTables);
    const listenersBefore = new Map(this.#listeners);
    const poolsBefore = new Map(this.#pools);
    this.#listeners = new Map(
      listeners.map((listener) => [
        listener.name,
        this.#placeListener(listener, bound.get(listener.name)!, listenersBefore.get(listener.name)),
      ]),
    );
    this.#pools = new Map(
      pools.map((pool) => [pool.name, this.#managePool(pool, poolsBefore.get(pool.name))]),
    );
    for (const { name } of listeners) listenersBefore.delete(name);
    for (const listener of listenersBefore.values()) this.#leaveListener(listener);
    for (const { name } of pools) poolsBefore.delete(name);
    for (const [name, pool] of poolsBefore) {
      pool.leftIn ??= this.#version + 1;
      this.#lingering.add(pool);
      this.#pools.set(name, pool);
    }
    this.#replaceTables(routeTables);
    // Their pool may have another time for them now.
    this.#touched.left.push(...this.#backends.leaving);
    this.#change();
    return this.snapshot;
  }

  /**
   * Pools that left the configuration go when nobody can choose from them any more.
   * @param settled every connection that was accepted before this version has chosen.
   * @returns whether one went.
   */
  retire(settled: number): boolean {
    const gone = [...this.#lingering].filter(({ leftIn }) => leftIn! <= settled);
    for (const pool of gone) {
      this.#leavePool(pool);
      this.#pools.delete(pool.name);
      this.#lingering.delete(pool);
    }
    if (gone.length > 0) this.#change();
    return gone.length > 0;
  }

  /** Replaces what was renewed. Tickets stay good, but for those of a key that was replaced. */
  setMaterial(renewed: MaterialOfAll): void {
    for (const [name, { tls, health }] of renewed.pools) {
      const pool = this.#pools.get(name)!;
      pool.config = { ...pool.config, tls, health };
      this.#replacePool(pool, { ...pool.placed, tls });
    }
    for (const listener of this.#listeners.values()) {
      const next = listenerWithMaterial(listener, renewed);
      if (next !== listener) this.#replaceListener(next);
    }
    if (renewed.guards.size + renewed.pages.size > 0)
      this.#replaceTables(tablesWithMaterial([...this.#routeTables.values()], renewed));
    this.#change();
  }

  /** Replaces the key of a listener's session tickets: those that are out are no longer good. */
  rotateTickets(name: string): void {
    this.#replaceListener({ ...this.#listeners.get(name)!, ticketKeys: newTicketKeys() });
    this.#change();
  }

  /**
   * Replaces a pool's backends; those that stay keep their place, and so their connections and counters.
   * @returns how many backends had no place left in shared memory and are not served.
   */
  setBackends(poolName: string, backends: readonly Backend[]): number {
    const pool = this.#pools.get(poolName)!;
    const placed = this.#replaceBackends(pool, backends);
    this.#replacePool(pool, { ...pool.placed, backends: placed, warming: false });
    this.#change();
    return backends.length - placed.length;
  }

  /** A pool's discovery had its time for a first answer. @returns whether sessions have waited for that until now. */
  endWarming(name: string): boolean {
    const pool = this.#pools.get(name);
    if (pool === undefined || !pool.placed.warming) return false;
    this.#replacePool(pool, { ...pool.placed, warming: false });
    this.#change();
    return true;
  }

  /** By pool: where each of them stands that is still followed. */
  get discoveries(): ReadonlyMap<string, Followed> {
    const followed = [...this.#pools.values()].flatMap(({ name, discovery }) =>
      discovery === undefined ? [] : [[name, discovery] as const],
    );
    return new Map(followed);
  }

  /** A backend of a pool, also one that left and still has its place. */
  find(pool: string, address: string): PlacedBackend | undefined {
    return this.#present(pool, address) ?? this.#backends.find(pool, address);
  }

  /** Whether a backend has left its pool and still has its place. */
  isLeaving(pool: string, address: string): boolean {
    return this.#backends.find(pool, address) !== undefined;
  }

  isDrained(pool: string, address: string): boolean {
    return this.#backends.isDrained(pool, address);
  }

  /** Keeps new sessions from an address, or lets them come again; discovery may remove and find it meanwhile. */
  setDrained(pool: string, address: string, drained: boolean): void {
    const backend = this.#present(pool, address);
    this.#backends.setDrained(pool, address, drained, backend);
    if (backend !== undefined) ringNews(this.#shared, this.#pools.get(pool)!.placed.slot);
  }

  /**
   * Backends that left are marked as draining once no worker picks them any more. They, and listeners and pools that left, give
   * their places back when their last session has ended.
   * @param applied the newest version that every worker serves.
   * @returns backends that gave their places back.
   */
  settle(applied: number): readonly LeavingBackend[] {
    this.#poolPlaces.settle(applied);
    this.#listenerPlaces.settle(applied);
    this.#routePlaces.settle(applied);
    return this.#backends.settle(applied);
  }

  #placeListener(
    listener: Listener,
    bound: BoundListener,
    before: PlacedListener | undefined,
  ): PlacedListener {
    const slot = before?.slot ?? this.#listenerPlaces.take(listener.name)!;
    const placed: PlacedListener = {
      ...listener,
      ...bound,
      tls: listener.tls.map((settings) =>
        unlessSame(
          settings,
          before?.tls.find(({ name }) => name === settings.name),
        ),
      ),
      slot,
      counters: this.#listenerPlaces.counters(slot),
      ticketKeys: ticketKeysOf(listener.tls, before),
      addressTable: addressTableOf(listener, before, this.#workers),
    };
    if (isDeepStrictEqual(placed, before)) return before!;
    this.#touched.listeners.add(listener.name);
    return placed;
  }

  #replaceTables(tables: Wanted["routeTables"]): void {
    const before = this.#routeTables;
    this.#routeTables = this.#routePlaces.place(tables, before, this.#version + 1);
    for (const name of new Set([...before.keys(), ...this.#routeTables.keys()]))
      if (this.#routeTables.get(name) !== before.get(name)) this.#touched.routeTables.add(name);
  }

  #managePool(config: Pool, before: ManagedPool | undefined): ManagedPool {
    const { name } = config;
    const slot = before?.placed.slot ?? this.#poolPlaces.take(name)!;
    const counters = this.#poolPlaces.counters(slot);
    const { backends = [], warming = true } = before?.placed ?? {};
    const tls = unlessSame(config.tls, before?.placed.tls);
    const placed = { ...servedPart(config), tls, slot, counters, backends, warming };
    if (before === undefined) {
      this.#touched.pools.add(name);
      return {
        name,
        required: this.#version === 0 && needsBackends(config),
        config,
        placed,
        leftIn: undefined,
        discovery: undefined,
        check: undefined,
        panic: [],
      };
    }
    before.leftIn = undefined;
    this.#lingering.delete(before);
    if (isDeepStrictEqual(config, before.config)) return before;
    before.config = config;
    this.#replacePool(before, isDeepStrictEqual(placed, before.placed) ? before.placed : placed);
    return before;
  }

  #replacePool(pool: ManagedPool, placed: PlacedPool): void {
    pool.placed = placed;
    this.#touched.pools.add(pool.name);
  }

  #replaceListener(listener: PlacedListener): void {
    this.#listeners.set(listener.name, listener);
    this.#touched.listeners.add(listener.name);
  }

  /** From the next version on it is not there. */
  #leaveListener(listener: PlacedListener): void {
    this.#listenerPlaces.leave(listener.name, listener.slot, listener, this.#version + 1);
    this.#touched.listeners.add(listener.name);
  }

  /** From the next version on it is not there. */
  #leavePool(pool: ManagedPool): void {
    const { name, placed } = endDiscovery(pool);
    this.#poolPlaces.leave(name, placed.slot, { ...placed, backends: [] }, this.#version + 1);
    this.#touched.pools.add(name);
    this.#replaceBackends(pool, []);
  }

  /** From the next version on, those that are missing are not in their pool. */
  #replaceBackends(pool: ManagedPool, backends: readonly Backend[]): readonly PlacedBackend[] {
    const { placed, left } = this.#backends.replace(pool, backends, this.#version + 1);
    this.#touched.left.push(...left);
    return placed;
  }

  #present(pool: string, address: string): PlacedBackend | undefined {
    return this.#pools.get(pool)?.placed.backends.find((backend) => backend.address === address);
  }

  #change(): void {
    this.#version++;
    this.#snapshot = undefined;
  }
}

const namesOf = (things: readonly { readonly name: string }[]): readonly string[] =>
  things.map(({ name }) => name);
