import { randomBytes, randomInt } from "node:crypto";
import { createAddressTable } from "../channel/address-table.ts";
import { ringNews } from "../channel/bells.ts";
import { backendCell, type CounterMemory } from "../channel/counters.ts";
import { backendFlag, latencyCells, type SharedMemory } from "../channel/memory.ts";
import { backendSlots, listenerSlots, poolSlots, type Slots } from "../channel/slots.ts";
import type { SocketAddress } from "../lib/address.ts";
import type { Backend, PlacedBackend } from "../model/backend.ts";
import type { Listener, ListenerTls } from "../model/listener.ts";
import type { Model } from "../model/model.ts";
import type { PlacedListener, PlacedPool, Snapshot } from "../model/snapshot.ts";
import type { FromFiles } from "./renewal.ts";

/** A listener's addresses with known ports, and who accepts on them. */
export interface BoundListener {
  readonly addresses: readonly SocketAddress[];
  readonly accept: PlacedListener["accept"];
}

/** A backend that left its pool, and the first version without it. */
interface Leaving {
  readonly pool: string;
  readonly backend: PlacedBackend;
  readonly since: number;
}

/**
 * The whole state of the control plane: the model plus what discovery found, as numbered snapshots. It also gives
 * every listener, pool and backend its place in shared memory.
 */
export class Store {
  readonly #shared: SharedMemory;
  readonly #memories: readonly CounterMemory[];
  #listeners: readonly PlacedListener[];
  readonly #pools = new Map<string, PlacedPool>();
  readonly #backendSlots: Slots = backendSlots();
  /** By pool and address. Their sessions go on, and count. */
  readonly #leaving = new Map<string, Leaving>();
  /** By pool and address, whether that is in the pool now or not. */
  readonly #drained = new Set<string>();
  #version = 0;
  #snapshot: Snapshot;

  constructor(
    model: Model,
    bound: ReadonlyMap<string, BoundListener>,
    shared: SharedMemory,
    memories: readonly CounterMemory[],
  ) {
    this.#shared = shared;
    this.#memories = memories;
    const listenerPlaces = listenerSlots();
    this.#listeners = model.listeners.map((listener) => {
      const slot = listenerPlaces.take()!;
      return {
        ...listener,
        ...bound.get(listener.name)!,
        slot,
        counters: listenerPlaces.counters(slot),
        ticketKeys: firstTicketKeys(listener.tls),
        addressTable: addressTableOf(listener, memories.length),
      };
    });
    const poolPlaces = poolSlots();
    for (const { discovery: _, health: __, removal: ___, ...pool } of model.pools) {
      const slot = poolPlaces.take()!;
      this.#pools.set(pool.name, { ...pool, slot, counters: poolPlaces.counters(slot), backends: [] });
    }
    this.#snapshot = this.#build();
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** What metrics and status tell of: the snapshot, with the backends that left but still have sessions. */
  get observed(): Snapshot {
    const busy = [...this.#leaving.values()].filter(({ backend }) => this.#active(backend) > 0);
    if (busy.length === 0) return this.#snapshot;
    const pools = this.#snapshot.pools.map((pool) => {
      const left = busy.filter((leaving) => leaving.pool === pool.name).map(({ backend }) => backend);
      return { ...pool, backends: [...pool.backends, ...left] };
    });
    return { ...this.#snapshot, pools };
  }

  /** Replaces what listeners and pools have from files. Tickets stay good, but for those of a key that was replaced. */
  setFiles({ listeners, pools }: FromFiles): void {
    for (const [name, { tls }] of pools) this.#pools.set(name, { ...this.#pools.get(name)!, tls });
    this.#listeners = this.#listeners.map((listener) => {
      const tls = listeners.get(listener.name);
      return tls === undefined
        ? listener
        : { ...listener, tls, ticketKeys: tls.sessionTickets?.keys ?? listener.ticketKeys };
    });
    this.#snapshot = this.#build();
  }

  /** Replaces the key of a listener's session tickets: those that are out are no longer good. */
  rotateTickets(listenerName: string): void {
    this.#listeners = this.#listeners.map((listener) =>
      listener.name === listenerName ? { ...listener, ticketKeys: newTicketKeys() } : listener,
    );
    this.#snapshot = this.#build();
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
      if (slot !== undefined) placed.push({ ...backend, slot, counters: this.#backendSlots.counters(slot) });
    }
    for (const [address, backend] of before)
      this.#leaving.set(key(poolName, address), { pool: poolName, backend, since: this.#version + 1 });
    this.#pools.set(poolName, { ...pool, backends: placed });
    this.#snapshot = this.#build();
    return backends.length - placed.length;
  }

  #placeFor(pool: string, address: string): number | undefined {
    const name = key(pool, address);
    const slot = this.#leaving.get(name)?.backend.slot ?? this.#backendSlots.take();
    this.#leaving.delete(name);
    if (slot !== undefined) this.#setDraining(slot, this.#drained.has(name));
    return slot;
  }

  /** A backend of a pool, also one that left and still has its place. */
  find(pool: string, address: string): PlacedBackend | undefined {
    return this.#present(pool, address) ?? this.#leaving.get(key(pool, address))?.backend;
  }

  /** Whether a backend has left its pool and still has its place. */
  isLeaving(pool: string, address: string): boolean {
    return this.#leaving.has(key(pool, address));
  }

  /** Backends that left their pool and still have their place. */
  get leaving(): Iterable<{ readonly pool: string; readonly backend: PlacedBackend }> {
    return this.#leaving.values();
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

  #present(pool: string, address: string): PlacedBackend | undefined {
    return this.#pools.get(pool)?.backends.find((backend) => backend.address === address);
  }

  #setDraining(slot: number, draining: boolean): void {
    if (draining) Atomics.or(this.#shared.backendFlags, slot, backendFlag.draining);
    else Atomics.and(this.#shared.backendFlags, slot, ~backendFlag.draining);
  }

  /**
   * Backends that left are marked as draining once no worker picks them any more, and give their place back when their
   * last session has ended.
   * @param applied the newest version that every worker serves.
   */
  settle(applied: number): void {
    for (const [name, { backend, since }] of this.#leaving) {
      if (applied < since) continue;
      this.#setDraining(backend.slot, true);
      if (this.#active(backend) > 0) continue;
      for (const memory of this.#memories)
        memory.fill(0, backend.counters, backend.counters + backendCell.size);
      Atomics.store(this.#shared.backendFlags, backend.slot, 0);
      Atomics.store(this.#shared.backendErrors, backend.slot, 0);
      Atomics.store(this.#shared.backendLatency, backend.slot * latencyCells, 0);
      this.#leaving.delete(name);
      this.#backendSlots.giveBack(backend.slot);
    }
  }

  #active({ slot }: PlacedBackend): number {
    return Atomics.load(this.#shared.backendActive, slot);
  }

  #build(): Snapshot {
    return { version: ++this.#version, listeners: this.#listeners, pools: [...this.#pools.values()] };
  }
}

/** Where a listener has no max_connections, room is made for this many. */
const usualConnections = 262_144;

function addressTableOf(
  { limits, maxConnections }: Listener,
  workers: number,
): SharedArrayBuffer | undefined {
  if (limits.maxConnectionsPerIp === undefined && limits.connectionRatePerIp === undefined) return undefined;
  return createAddressTable(maxConnections ?? usualConnections, workers, randomInt(2 ** 32));
}

function firstTicketKeys(tls: ListenerTls | undefined): Uint8Array | undefined {
  return tls?.sessionTickets && (tls.sessionTickets.keys ?? newTicketKeys());
}

/** A plain array, because that is what a worker receives. */
const newTicketKeys = (): Uint8Array => new Uint8Array(randomBytes(48));

const key = (pool: string, address: string): string => `${pool} ${address}`;
