import { latencyCells } from "../../channel/layout.ts";
import { backendFlag, type SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import type { Backend, PlacedBackend } from "../../model/backend.ts";
import type { ManagedPool } from "./managed-pool.ts";
import { Places } from "./places.ts";
import type { LeavingBackend } from "./touched.ts";

/** Where backends are in shared memory, and which addresses get no new sessions. */
export class BackendPlaces {
  readonly #flags: SharedMemory["backendFlags"];
  /** By pool and address. */
  readonly #places: Places<LeavingBackend>;
  /** By pool and address, whether that is in the pool now or not. */
  readonly #drained = new Set<string>();

  constructor(shared: SharedMemory, counters: WorkerCounters) {
    this.#flags = shared.backendFlags;
    this.#places = new Places({
      kind: "backend",
      shared,
      counters,
      busy: (slot) => Atomics.load(shared.backendActive, slot) > 0,
      clear(slot) {
        Atomics.store(shared.backendFlags, slot, 0);
        Atomics.store(shared.backendErrors, slot, 0);
        Atomics.store(shared.backendLatency, slot * latencyCells, 0);
      },
    });
  }

  /** All that left and still have their place. */
  get leaving(): readonly LeavingBackend[] {
    return this.#places.leaving;
  }

  /** All that left and still have sessions. */
  get busy(): readonly LeavingBackend[] {
    return this.#places.busy;
  }

  /**
   * Gives the backends of a pool their places; those that stay keep theirs.
   * @param since the first version without those that leave.
   * @returns those that have a place, and those that left.
   */
  replace(
    pool: ManagedPool,
    backends: readonly Backend[],
    since: number,
  ): { readonly placed: readonly PlacedBackend[]; readonly left: readonly LeavingBackend[] } {
    const before = new Map(pool.placed.backends.map((backend) => [backend.address, backend]));
    const placed: PlacedBackend[] = [];
    for (const backend of backends) {
      const slot = before.get(backend.address)?.slot ?? this.#take(pool.name, backend.address);
      before.delete(backend.address);
      if (slot !== undefined) placed.push({ ...backend, slot, counters: this.#places.counters(slot) });
    }
    const left = [...before.values()].map((backend) => ({ pool, backend }));
    for (const leaving of left) {
      const { address, slot } = leaving.backend;
      this.#places.leave(backendKey(pool.name, address), slot, leaving, since);
    }
    return { placed, left };
  }

  /** One that left its pool and still has its place. */
  find(pool: string, address: string): PlacedBackend | undefined {
    return this.#places.find(backendKey(pool, address))?.backend;
  }

  isDrained(pool: string, address: string): boolean {
    return this.#drained.has(backendKey(pool, address));
  }

  /** @param backend where there is one with this address. */
  setDrained(pool: string, address: string, drained: boolean, backend: PlacedBackend | undefined): void {
    if (drained) this.#drained.add(backendKey(pool, address));
    else this.#drained.delete(backendKey(pool, address));
    if (backend !== undefined) this.#setDraining(backend.slot, drained);
  }

  /** See {@link Places.settle}; no worker picks those that left any more. */
  settle(applied: number): readonly LeavingBackend[] {
    return this.#places.settle(applied, (slot) => this.#setDraining(slot, true));
  }

  #take(pool: string, address: string): number | undefined {
    const name = backendKey(pool, address);
    const slot = this.#places.take(name);
    if (slot !== undefined) this.#setDraining(slot, this.#drained.has(name));
    return slot;
  }

  #setDraining(slot: number, draining: boolean): void {
    if (draining) Atomics.or(this.#flags, slot, backendFlag.draining);
    else Atomics.and(this.#flags, slot, ~backendFlag.draining);
  }
}

/** A name for an address of a pool, whether a backend is there now or not. */
export const backendKey = (pool: string, address: string): string => `${pool} ${address}`;
