import { randomBytes, randomInt } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { createAddressTable } from "../../channel/address-table.ts";
import { ringNews } from "../../channel/bells.ts";
import type { CounterMemory } from "../../channel/counters.ts";
import { latencyCells } from "../../channel/layout.ts";
import { backendFlag, type SharedMemory } from "../../channel/memory.ts";
import { slotsOf } from "../../channel/slots.ts";
import type { SocketAddress } from "../../lib/address.ts";
import type { MaterialOfAll } from "../../material/renewal.ts";
import type { Backend, PlacedBackend } from "../../model/backend.ts";
import type { Listener, ListenerTls } from "../../model/listener.ts";
import type { Pool } from "../../model/pool.ts";
import type { PlacedListener, PlacedPool, Snapshot } from "../../model/snapshot.ts";
import { Places } from "./places.ts";

/** A listener's addresses with known ports, and who accepts on them. */
export interface BoundListener {
  readonly addresses: readonly SocketAddress[];
  readonly accept: PlacedListener["accept"];
}

/** What is asked to be served: by a model, or by an earlier snapshot. */
export interface Wanted {
  readonly listeners: readonly Listener[];
  readonly pools: readonly (ServedPool & Partial<Pool>)[];
}

/** What of a pool is for the workers. */
type ServedPool = Omit<Pool, "discovery" | "health" | "removal">;

/** A backend that left its pool. */
export interface LeavingBackend {
  readonly pool: string;
  readonly backend: PlacedBackend;
}

/**
 * The whole state of the control plane: the model plus what discovery found, as numbered snapshots. It also gives
 * every listener, pool and backend its place in shared memory.
 */
export class Store {
  readonly #shared: SharedMemory;
  readonly #workers: number;
  readonly #listenerPlaces: Places<PlacedListener>;
  readonly #poolPlaces: Places<PlacedPool>;
  /** By pool and address. */
  readonly #backendPlaces: Places<LeavingBackend>;
  #listeners: readonly PlacedListener[] = [];
  #pools = new Map<string, PlacedPool>();
  /** By pool and address, whether that is in the pool now or not. */
  readonly #drained = new Set<string>();
  #version = 0;
  #snapshot: Snapshot;

  constructor(
    wanted: Wanted,
    bound: ReadonlyMap<string, BoundListener>,
    shared: SharedMemory,
    memories: readonly CounterMemory[],
  ) {
    this.#shared = shared;
    this.#workers = memories.length;
    this.#listenerPlaces = new Places({
      slots: slotsOf("listener", shared),
      memories,
      busy: (slot) => Atomics.load(shared.listenerActive, slot) > 0,
    });
    this.#poolPlaces = new Places({
      slots: slotsOf("pool", shared),
      memories,
      busy: (slot) =>
        [shared.poolActive, shared.poolRetries, shared.poolWaiting].some(
          (cells) => Atomics.load(cells, slot) > 0,
        ),
    });
    this.#backendPlaces = new Places({
      slots: slotsOf("backend", shared),
      memories,
      busy: (slot) => Atomics.load(shared.backendActive, slot) > 0,
      clear(slot) {
        Atomics.store(shared.backendFlags, slot, 0);
        Atomics.store(shared.backendErrors, slot, 0);
        Atomics.store(shared.backendLatency, slot * latencyCells, 0);
      },
    });
    this.#snapshot = this.configure(wanted, bound);
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** What metrics and status tell of: the snapshot, with what left but still has sessions. */
  get observed(): Snapshot {
    const backends = this.#backendPlaces.busy;
    const pools = [...this.#snapshot.pools, ...this.#poolPlaces.busy].map((pool) => {
      const left = backends.filter((leaving) => leaving.pool === pool.name).map(({ backend }) => backend);
      return left.length === 0 ? pool : { ...pool, backends: [...pool.backends, ...left] };
    });
    const listeners = [...this.#snapshot.listeners, ...this.#listenerPlaces.busy];
    return { ...this.#snapshot, listeners, pools };
  }

  /** All that may still count: those of the snapshot, and those that left and still have their place. */
  get listeners(): readonly PlacedListener[] {
    return [...this.#listeners, ...this.#listenerPlaces.leaving];
  }

  /**
   * Serves other listeners and pools. What did not change stays the same object; what has the same name keeps its place, its
   * counters, its tickets and, if it is a pool, its backends.
   * @throws where there is no room for so many; nothing has changed then.
   */
  configure({ listeners, pools }: Wanted, bound: ReadonlyMap<string, BoundListener>): Snapshot {
    this.#listenerPlaces.check("listeners", namesOf(listeners), namesOf(this.#listeners));
    this.#poolPlaces.check("pools", namesOf(pools), namesOf(this.#pools.values()));
    const listenersBefore = new Map(this.#listeners.map((listener) => [listener.name, listener]));
    const poolsBefore = new Map(this.#pools);
    this.#listeners = listeners.map((listener) =>
      this.#placeListener(listener, bound.get(listener.name)!, listenersBefore.get(listener.name)),
    );
    this.#pools = new Map(
      pools.map((pool) => [pool.name, this.#placePool(pool, poolsBefore.get(pool.name))]),
    );
    for (const { name } of listeners) listenersBefore.delete(name);
    for (const [name, listener] of listenersBefore)
      this.#listenerPlaces.leave(name, listener.slot, listener, this.#version + 1);
    for (const { name } of pools) poolsBefore.delete(name);
    for (const pool of poolsBefore.values()) this.#leavePool(pool);
    return this.#build();
  }

  removePool(name: string): void {
    const pool = this.#pools.get(name);
    if (pool === undefined) return;
    this.#leavePool(pool);
    this.#pools.delete(name);
    this.#build();
  }

  /** Replaces the material of listeners and pools. Tickets stay good, but for those of a key that was replaced. */
  setMaterial({ listeners, pools }: MaterialOfAll): void {
    for (const [name, { tls }] of pools) this.#pools.set(name, { ...this.#pools.get(name)!, tls });
    this.#listeners = this.#listeners.map((listener) => {
      const tls = listeners.get(listener.name);
      return tls === undefined
        ? listener
        : { ...listener, tls, ticketKeys: tls.sessionTickets?.keys?.bytes ?? listener.ticketKeys };
    });
    this.#build();
  }

  /** Replaces the key of a listener's session tickets: those that are out are no longer good. */
  rotateTickets(listenerName: string): void {
    this.#listeners = this.#listeners.map((listener) =>
      listener.name === listenerName ? { ...listener, ticketKeys: newTicketKeys() } : listener,
    );
    this.#build();
  }

  /**
   * Replaces a pool's backends; those that stay keep their place, and so their connections and counters.
   * @returns how many backends had no place left in shared memory and are not served.
   */
  setBackends(poolName: string, backends: readonly Backend[]): number {
    const pool = this.#pools.get(poolName)!;
    const before = new Map(pool.backends.map((backend) => [backend.address, backend]));
    const placed: PlacedBackend[] = [];
    for (const backend of backends) {
      const slot = before.get(backend.address)?.slot ?? this.#placeFor(poolName, backend.address);
      before.delete(backend.address);
      if (slot !== undefined) placed.push({ ...backend, slot, counters: this.#backendPlaces.counters(slot) });
    }
    this.#leave(poolName, [...before.values()]);
    this.#pools.set(poolName, { ...pool, backends: placed });
    this.#build();
    return backends.length - placed.length;
  }

  /** A backend of a pool, also one that left and still has its place. */
  find(pool: string, address: string): PlacedBackend | undefined {
    return this.#present(pool, address) ?? this.#backendPlaces.find(key(pool, address))?.backend;
  }

  /** Whether a backend has left its pool and still has its place. */
  isLeaving(pool: string, address: string): boolean {
    return this.#backendPlaces.find(key(pool, address)) !== undefined;
  }

  /** Backends that left their pool and still have their place. */
  get leaving(): readonly LeavingBackend[] {
    return this.#backendPlaces.leaving;
  }

  isDrained(pool: string, address: string): boolean {
    return this.#drained.has(key(pool, address));
  }

  /** Keeps new sessions from an address, or lets them come again; discovery may remove and find it meanwhile. */
  setDrained(pool: string, address: string, drained: boolean): void {
    if (drained) this.#drained.add(key(pool, address));
    else this.#drained.delete(key(pool, address));
    const backend = this.#present(pool, address);
    if (backend === undefined) return;
    this.#setDraining(backend.slot, drained);
    ringNews(this.#shared, this.#pools.get(pool)!.slot);
  }

  /**
   * Backends that left are marked as draining once no worker picks them any more. They, and listeners and pools that left, give
   * their places back when their last session has ended.
   * @param applied the newest version that every worker serves.
   */
  settle(applied: number): void {
    this.#backendPlaces.settle(applied, (slot) => this.#setDraining(slot, true));
    this.#poolPlaces.settle(applied);
    this.#listenerPlaces.settle(applied);
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
      tls: unlessSame(listener.tls, before?.tls),
      slot,
      counters: this.#listenerPlaces.counters(slot),
      ticketKeys: ticketKeysOf(listener.tls, before),
      addressTable: addressTableOf(listener, before, this.#workers),
    };
    return isDeepStrictEqual(placed, before) ? before! : placed;
  }

  #placePool(
    { discovery: _, health: __, removal: ___, ...pool }: Wanted["pools"][number],
    before: PlacedPool | undefined,
  ): PlacedPool {
    const slot = before?.slot ?? this.#poolPlaces.take(pool.name)!;
    const counters = this.#poolPlaces.counters(slot);
    const tls = unlessSame(pool.tls, before?.tls);
    const placed = { ...pool, tls, slot, counters, backends: before?.backends ?? [] };
    return isDeepStrictEqual(placed, before) ? before! : placed;
  }

  #placeFor(pool: string, address: string): number | undefined {
    const name = key(pool, address);
    const slot = this.#backendPlaces.take(name);
    if (slot !== undefined) this.#setDraining(slot, this.#drained.has(name));
    return slot;
  }

  /** From the next version on it is not there. */
  #leavePool(pool: PlacedPool): void {
    this.#poolPlaces.leave(pool.name, pool.slot, { ...pool, backends: [] }, this.#version + 1);
    this.#leave(pool.name, pool.backends);
  }

  /** From the next version on they are not in their pool. */
  #leave(pool: string, backends: readonly PlacedBackend[]): void {
    for (const backend of backends)
      this.#backendPlaces.leave(
        key(pool, backend.address),
        backend.slot,
        { pool, backend },
        this.#version + 1,
      );
  }

  #present(pool: string, address: string): PlacedBackend | undefined {
    return this.#pools.get(pool)?.backends.find((backend) => backend.address === address);
  }

  #setDraining(slot: number, draining: boolean): void {
    if (draining) Atomics.or(this.#shared.backendFlags, slot, backendFlag.draining);
    else Atomics.and(this.#shared.backendFlags, slot, ~backendFlag.draining);
  }

  #build(): Snapshot {
    this.#snapshot = {
      version: ++this.#version,
      listeners: this.#listeners,
      pools: [...this.#pools.values()],
    };
    return this.#snapshot;
  }
}

/** Where a listener has no max_connections, room is made for this many. */
const usualConnections = 262_144;

function addressTableOf(
  listener: Listener,
  before: PlacedListener | undefined,
  workers: number,
): SharedArrayBuffer | undefined {
  const { limits, maxConnections } = listener;
  if (limits.maxConnectionsPerIp === undefined && limits.connectionRatePerIp === undefined) return undefined;
  // Whoever is counted there goes on being counted; a table cannot grow.
  if (before?.addressTable !== undefined && before.maxConnections === maxConnections)
    return before.addressTable;
  return createAddressTable(maxConnections ?? usualConnections, workers, randomInt(2 ** 32));
}

/** Of a file where there is one; else those that it had, if they were of umay's making; else new ones. */
function ticketKeysOf(
  tls: ListenerTls | undefined,
  before: PlacedListener | undefined,
): Uint8Array | undefined {
  if (tls?.sessionTickets === undefined) return undefined;
  const own = before?.tls?.sessionTickets?.keys === undefined ? before?.ticketKeys : undefined;
  return tls.sessionTickets.keys?.bytes ?? own ?? newTicketKeys();
}

/** The object of before where it says the same: its certificates need not be sent again, nor its contexts made. */
const unlessSame = <T>(next: T, before: T | undefined): T =>
  before !== undefined && isDeepStrictEqual(next, before) ? before : next;

/** A plain array, because that is what a worker receives. */
const newTicketKeys = (): Uint8Array => new Uint8Array(randomBytes(48));

const namesOf = (things: Iterable<{ readonly name: string }>): readonly string[] =>
  [...things].map(({ name }) => name);

const key = (pool: string, address: string): string => `${pool} ${address}`;
