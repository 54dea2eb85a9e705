import { addUpTo, ringNews, ringRoom } from "../../channel/bells.ts";
import { backendCell, type CounterMemory, poolCell } from "../../channel/counters.ts";
import { obstacleOf, type SharedMemory } from "../../channel/memory.ts";
import type { Obstacle, PlacedBackend } from "../../model/backend.ts";
import { pickerTypes } from "../../model/pool.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { sharedClock } from "../clock.ts";
import { leased, noPick, type PickResult, waitFor } from "./pick.ts";
import type { Picker, PickerInputs, PickKey } from "./picker.ts";
import { PresentPick } from "./present-pick.ts";
import { createTieredPicker } from "./tiers.ts";

/** The memory that a worker counts in, and which worker it is. */
export interface WorkerMemory {
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
  readonly worker: PickerInputs["worker"];
}

/** Gives out the leases of a pool's backends, which its picker chooses, and takes them back. */
export class Leases {
  #definition: PlacedPool;
  #picker: Picker;
  readonly #memory: WorkerMemory;
  readonly #present: PresentPick = new PresentPick(this);

  constructor(definition: PlacedPool, memory: WorkerMemory) {
    this.#definition = definition;
    this.#memory = memory;
    this.#picker = this.#build(definition, undefined);
  }

  /** Builds the picker that a new definition needs; nothing changes until the returned function is called. */
  prepare(definition: PlacedPool): () => void {
    const sameKind = definition.picker.type === this.#definition.picker.type;
    const picker = this.#build(definition, sameKind ? this.#picker : undefined);
    return () => {
      this.#definition = definition;
      this.#picker = picker;
    };
  }

  /**
   * Leases the backend to try next: {@link release} must follow, and where it is for another try, {@link endRetry}.
   * @param tried backends that were tried already. @param again the one before could not be connected.
   */
  take(key: PickKey, tried: readonly PlacedBackend[], again: boolean): PickResult {
    if (!this.#enterPool()) return waitFor("room", undefined);
    this.#present.begin(key, tried, this.#definition.warming);
    const pick = this.#take(again);
    this.#present.end();
    if (pick.kind !== "leased") this.#leavePool();
    return pick;
  }

  /** Counts one more session in the whole pool. @returns false where it has as many as it may have. */
  #enterPool(): boolean {
    const { poolActive } = this.#memory.shared;
    const { slot, maxConnections } = this.#definition;
    if (maxConnections !== undefined) return addUpTo(poolActive, slot, maxConnections);
    Atomics.add(poolActive, slot, 1);
    return true;
  }

  /** It finds no backend: where its place was one of few, somebody else may wait for it. */
  #leavePool(): void {
    const { shared } = this.#memory;
    const { slot, maxConnections } = this.#definition;
    Atomics.sub(shared.poolActive, slot, 1);
    if (maxConnections !== undefined) ringRoom(shared, slot);
  }

  #take(again: boolean): PickResult {
    const present = this.#present;
    let retrying = false;
    for (;;) {
      const backend = present.preferred ?? this.#picker.pick(present);
      if (backend === undefined) {
        if (retrying) this.endRetry();
        return present.wait === undefined
          ? noPick("none", present.skipped)
          : waitFor(present.wait, present.skipped);
      }
      // Last: who finds no backend must not hold a place in the budget that others wait for.
      if (again && !retrying) {
        retrying = this.#beginRetry();
        if (!retrying)
          return this.#mostRetries > 0
            ? waitFor("retry", present.skipped)
            : noPick("no_retry", present.skipped);
      }
      // Another worker may have taken the last place meanwhile; then it is full at the next look.
      if (!this.#takePlace(backend.slot)) continue;
      this.#count(backend);
      return leased(backend, present.skipped);
    }
  }

  #count(backend: PlacedBackend): void {
    const { counters } = this.#memory;
    counters[backend.counters + backendCell.leased]! += 1;
    counters[this.#definition.counters + poolCell.leased]! += 1;
  }

  release(backend: PlacedBackend): void {
    const { shared, counters } = this.#memory;
    const { slot, counters: first } = this.#definition;
    counters[backend.counters + backendCell.released]! += 1;
    counters[first + poolCell.released]! += 1;
    Atomics.sub(shared.poolActive, slot, 1);
    // Last: without a connection, the control plane may give the backend's counters to another.
    Atomics.sub(shared.backendActive, backend.slot, 1);
    ringRoom(shared, slot);
  }

  /** Whether one more attempt after a failed one may begin. */
  #beginRetry(): boolean {
    const { shared, counters } = this.#memory;
    const { slot, counters: first } = this.#definition;
    if (!addUpTo(shared.poolRetries, slot, this.#mostRetries)) return false;
    counters[first + poolCell.retried]! += 1;
    return true;
  }

  endRetry(): void {
    const { shared, counters } = this.#memory;
    const { slot, counters: first } = this.#definition;
    counters[first + poolCell.settled]! += 1;
    Atomics.sub(shared.poolRetries, slot, 1);
    ringNews(shared, slot);
  }

  /** How many attempts after a failed one may be under way now. */
  get #mostRetries(): number {
    const { percent, min } = this.#definition.connect.retryBudget;
    // Without the one that asks.
    const active = Atomics.load(this.#memory.shared.poolActive, this.#definition.slot) - 1;
    return Math.max(min, Math.floor((active * percent) / 100));
  }

  #takePlace(backendSlot: number): boolean {
    const { backendActive } = this.#memory.shared;
    const most = this.#mostLeases;
    if (most !== undefined) return addUpTo(backendActive, backendSlot, most);
    Atomics.add(backendActive, backendSlot, 1);
    return true;
  }

  /** To each backend: a request of HTTP is a lease, and so is a connection that is relayed. */
  get #mostLeases(): number | undefined {
    const { maxConnectionsPerBackend: connections, http } = this.#definition;
    const requests = http.maxRequestsPerBackend;
    if (connections === undefined || requests === undefined) return connections ?? requests;
    return Math.min(connections, requests);
  }

  /** The obstacle that keeps a backend from being picked by anybody now; undefined: nothing. */
  obstacle({ slot }: PlacedBackend): Obstacle | undefined {
    const { backendFlags, backendActive } = this.#memory.shared;
    const flags = backendFlags[slot]!;
    const why = flags === 0 ? undefined : obstacleOf(flags);
    const most = this.#mostLeases;
    if (why !== undefined || most === undefined) return why;
    return Atomics.load(backendActive, slot) < most ? undefined : "full";
  }

  /**
   * A picker to try out what the pool's own would do without moving it: a copy that goes on from the same place, or the
   * picker itself, where it keeps none. @param random uniform in [0, 1).
   */
  rehearse(random: () => number): Picker {
    if (pickerTypes[this.#definition.picker.type].by === "key") return this.#picker;
    return this.#build(this.#definition, this.#picker, random);
  }

  #build(definition: PlacedPool, previous: Picker | undefined, random: () => number = Math.random): Picker {
    const { shared } = this.#memory;
    const inputs: PickerInputs = {
      backends: definition.backends,
      active: shared.backendActive,
      flags: shared.backendFlags,
      withheld: shared.backendWithheld,
      latency: shared.backendLatency,
      clock: sharedClock,
      random,
      previous,
      worker: this.#memory.worker,
    };
    return createTieredPicker(definition.picker, inputs, definition.overprovisioning);
  }
}
