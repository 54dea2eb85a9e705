import { ringNews } from "../../channel/bells.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import type { MaterialOfAll } from "../../material/renewal.ts";
import type { Challenge } from "../../model/acme.ts";
import type { Backend, PlacedBackend } from "../../model/backend.ts";
import type { Model } from "../../model/model.ts";
import type { PlacedListener, PlacedRouteTable, Snapshot } from "../../model/snapshot.ts";
import { BackendPlaces } from "./backend-places.ts";
import { type BoundListener, ListenerPlaces } from "./listener-places.ts";
import type { Followed, ManagedPool } from "./managed-pool.ts";
import { PoolPlaces } from "./pool-places.ts";
import { RoutePlaces } from "./route-places.ts";
import { type LeavingBackend, type Touched, Touches } from "./touched.ts";

/** The listeners and pools that are to be served. */
export type Wanted = Pick<Model, "listeners" | "pools" | "routeTables">;

/**
 * The whole state of the control plane: the model plus what discovery found, as numbered snapshots. Every listener, pool,
 * backend and route has its place in shared memory.
 */
export class Store {
  readonly #shared: SharedMemory;
  readonly #touched = new Touches();
  readonly #listeners: ListenerPlaces;
  readonly #pools: PoolPlaces;
  readonly #backends: BackendPlaces;
  readonly #routes: RoutePlaces;
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
    this.#listeners = new ListenerPlaces(shared, counters, this.#touched);
    this.#backends = new BackendPlaces(shared, counters);
    this.#pools = new PoolPlaces(shared, counters, this.#backends, this.#touched);
    this.#routes = new RoutePlaces(shared, counters, this.#touched);
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
      listeners: this.present,
      pools: [...this.pools].map(({ placed }) => placed),
      routeTables: [...this.#routes.present.values()],
    };
    return this.#snapshot;
  }

  /** The names of all that there is. */
  get names(): Touched {
    return {
      listeners: new Set(this.#listeners.present.keys()),
      pools: new Set(this.#pools.present.keys()),
      routeTables: new Set(this.#routes.present.keys()),
    };
  }

  listener(name: string): PlacedListener | undefined {
    return this.#listeners.present.get(name);
  }

  pool(name: string): ManagedPool | undefined {
    return this.#pools.present.get(name);
  }

  routeTable(name: string): PlacedRouteTable | undefined {
    return this.#routes.present.get(name);
  }

  /** The listeners of the snapshot, without putting it together. */
  get present(): readonly PlacedListener[] {
    return [...this.#listeners.present.values()];
  }

  get pools(): Iterable<ManagedPool> {
    return this.#pools.present.values();
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
    return this.#touched.take();
  }

  /** The listeners and pools that metrics and status tell of: those of the snapshot, and those that left but still have sessions. */
  get observed(): Snapshot {
    const left = Map.groupBy(this.#backends.busy, ({ pool }) => pool.name);
    const pools = [...this.snapshot.pools, ...this.#pools.busy].map((pool) => {
      const backends = left.get(pool.name)?.map(({ backend }) => backend);
      return backends === undefined ? pool : { ...pool, backends: [...pool.backends, ...backends] };
    });
    return { ...this.snapshot, listeners: [...this.snapshot.listeners, ...this.#listeners.busy], pools };
  }

  /** All that may still count: those of the snapshot, and those that left and still have their place. */
  get listeners(): readonly PlacedListener[] {
    return [...this.present, ...this.#listeners.leaving];
  }

  /** Gives back what a dead worker counted for addresses, and had under way in rate limits. @param worker 1 to count of workers. */
  giveBack(worker: number): void {
    this.#listeners.giveBack(worker);
    this.#routes.giveBack(worker);
  }

  /**
   * Serves other listeners and pools. One that did not change stays the same object; one with the same name keeps its place, its
   * counters, its tickets and, if it is a pool, its backends. Pools that left are served until they {@link retire}.
   * @throws where there is no room for so many; nothing has changed then.
   */
  configure({ listeners, pools, routeTables }: Wanted, bound: ReadonlyMap<string, BoundListener>): Snapshot {
    this.#listeners.check(listeners);
    this.#pools.check(pools);
    this.#routes.check(routeTables);
    this.#listeners.follow(listeners, bound, this.#next);
    this.#pools.follow(pools, this.#next);
    this.#routes.follow(routeTables, this.#next);
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
    return this.#changeIf(this.#pools.retire(settled, this.#next));
  }

  /** Replaces what was renewed. Tickets stay good, but for those of a key that was replaced. */
  setMaterial(renewed: MaterialOfAll): void {
    this.#listeners.renew(renewed);
    this.#pools.renew(renewed.pools);
    this.#routes.renew(renewed, this.#next);
    this.#change();
  }

  /** Replaces the key of a listener's session tickets: those that are out are no longer good. */
  rotateTickets(name: string): void {
    this.#listeners.rotateTickets(name);
    this.#change();
  }

  /**
   * Replaces a pool's backends; those that stay keep their place, and so their connections and counters.
   * @returns how many backends had no place left in shared memory and are not served.
   */
  setBackends(pool: string, backends: readonly Backend[]): number {
    const placed = this.#pools.setBackends(pool, backends, this.#next);
    this.#change();
    return backends.length - placed.length;
  }

  /** A pool's discovery had its time for a first answer. @returns whether sessions have waited for that until now. */
  endWarming(name: string): boolean {
    return this.#changeIf(this.#pools.endWarming(name));
  }

  /** By pool: where each of them stands that is still followed. */
  get discoveries(): ReadonlyMap<string, Followed> {
    const followed = [...this.pools].flatMap(({ name, discovery }) =>
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
    if (backend !== undefined) ringNews(this.#shared, this.pool(pool)!.placed.slot);
  }

  /**
   * Backends that left are marked as draining once no worker picks them any more. They, and listeners and pools that left, give
   * their places back when their last session has ended.
   * @param applied the newest version that every worker serves.
   * @returns backends that gave their places back.
   */
  settle(applied: number): readonly LeavingBackend[] {
    this.#pools.settle(applied);
    this.#listeners.settle(applied);
    this.#routes.settle(applied);
    return this.#backends.settle(applied);
  }

  #present(pool: string, address: string): PlacedBackend | undefined {
    return this.pool(pool)?.placed.backends.find((backend) => backend.address === address);
  }

  /** The version that a change under way leads to. */
  get #next(): number {
    return this.#version + 1;
  }

  #changeIf(changed: boolean): boolean {
    if (changed) this.#change();
    return changed;
  }

  #change(): void {
    this.#version++;
    this.#snapshot = undefined;
  }
}
