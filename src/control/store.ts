import { randomBytes } from "node:crypto";
import { backendCell, type CounterMemory } from "../channel/counters.ts";
import type { SharedMemory } from "../channel/memory.ts";
import { backendSlots, listenerSlots, poolSlots, type Slots } from "../channel/slots.ts";
import type { SocketAddress } from "../lib/address.ts";
import type { Backend, PlacedBackend } from "../model/backend.ts";
import type { Model } from "../model/model.ts";
import type { PlacedListener, PlacedPool, Snapshot } from "../model/snapshot.ts";

/** A listener's addresses with known ports, and who accepts on them. */
export interface BoundListener {
  readonly addresses: readonly SocketAddress[];
  readonly accept: PlacedListener["accept"];
}

/**
 * The whole state of the control plane: the model plus what discovery found, as numbered snapshots. It also gives
 * every listener, pool and backend its place in shared memory.
 */
export class Store {
  readonly #shared: SharedMemory;
  readonly #memories: readonly CounterMemory[];
  readonly #listeners: readonly PlacedListener[];
  readonly #pools = new Map<string, PlacedPool>();
  readonly #backendSlots: Slots = backendSlots();
  /** Backends that left, by pool and address, with the first version without them: their sessions still count. */
  readonly #leaving = new Map<string, { readonly slot: number; readonly since: number }>();
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
        ticketKeys: listener.tls?.sessionTickets ? randomBytes(48) : undefined,
      };
    });
    const poolPlaces = poolSlots();
    for (const { discovery: _, ...pool } of model.pools)
      this.#pools.set(pool.name, {
        ...pool,
        counters: poolPlaces.counters(poolPlaces.take()!),
        backends: [],
      });
    this.#snapshot = this.#build();
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /**
   * Replaces a pool's backends; those that stay keep their place, and so their connections and counters.
   * @param applied the newest version that every worker serves: what left before it may be forgotten.
   * @returns how many backends had no place left in shared memory and are not served.
   */
  setBackends(poolName: string, backends: readonly Backend[], applied: number): number {
    this.#forget(applied);
    const pool = this.#pools.get(poolName)!;
    const places = new Map(pool.backends.map((backend) => [backend.address, backend.slot]));
    const placed: PlacedBackend[] = [];
    for (const backend of backends) {
      const slot = places.get(backend.address) ?? this.#placeFor(poolName, backend.address);
      places.delete(backend.address);
      if (slot !== undefined) placed.push({ ...backend, slot, counters: this.#backendSlots.counters(slot) });
    }
    for (const [address, slot] of places)
      this.#leaving.set(key(poolName, address), { slot, since: this.#version + 1 });
    this.#pools.set(poolName, { ...pool, backends: placed });
    this.#snapshot = this.#build();
    return backends.length - placed.length;
  }

  #placeFor(pool: string, address: string): number | undefined {
    const name = key(pool, address);
    const before = this.#leaving.get(name);
    this.#leaving.delete(name);
    return before?.slot ?? this.#backendSlots.take();
  }

  #forget(applied: number): void {
    for (const [name, { slot, since }] of this.#leaving) {
      if (applied < since || Atomics.load(this.#shared.backendActive, slot) !== 0) continue;
      const first = this.#backendSlots.counters(slot);
      for (const memory of this.#memories) memory.fill(0, first, first + backendCell.size);
      Atomics.store(this.#shared.backendFlags, slot, 0);
      this.#leaving.delete(name);
      this.#backendSlots.giveBack(slot);
    }
  }

  #build(): Snapshot {
    return { version: ++this.#version, listeners: this.#listeners, pools: [...this.#pools.values()] };
  }
}

const key = (pool: string, address: string): string => `${pool} ${address}`;
