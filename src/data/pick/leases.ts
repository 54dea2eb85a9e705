import { addUpTo, ringNews, ringRoom } from "../../channel/bells.ts";
import { backendCell, type CounterMemory, poolCell } from "../../channel/counters.ts";
import { obstacleOf, type SharedMemory } from "../../channel/memory.ts";
import type { WantedBackend } from "../../channel/messages.ts";
import type { Obstacle, PlacedBackend } from "../../model/backend.ts";
import { pickerTypes } from "../../model/pool.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { sharedClock } from "../clock.ts";
import { DestinationPicker } from "./destinations.ts";
import { leased, noPick, type PickResult, waitFor } from "./pick.ts";
import type { Picker, PickerInputs, PickKey } from "./picker.ts";
import { PresentPick } from "./present-pick.ts";
import { createPoolPicker } from "./tiers.ts";

/** The memory that a worker counts in, and which worker it is. */
export interface WorkerMemory {
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
  readonly worker: PickerInputs["worker"];
  readonly peers: PickerInputs["peers"];
  /** Asks for a backend of a pool whose clients say where they go. */
  readonly want: (wanted: WantedBackend) => void;
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
    const comes = this.#picker.comes?.(key) === true;
    this.#present.begin(key, tried, this.#definition.warming || comes);
    const pick = this.#take(again);
    this.#present.end();
    return pick;
  }

  /** Places are taken only where there seems to be one of each kind: a look changes nothing, so nobody has to be told of it. */
  #take(again: boolean): PickResult {
    const present = this.#present;
    for (;;) {
      if (this.#isFull) return waitFor("room", present.skipped);
      const backend = present.choose(this.#picker);
      if (backend === undefined)
        return present.wait === undefined
          ? noPick("none", present.skipped)
          : waitFor(present.wait, present.skipped);
      // Last: the budget of retries is asked only of a backend that there is.
      const retries = again ? this.#mostRetries(this.#active) : undefined;
      if (retries === 0) return noPick("no_retry", present.skipped);
      if (retries !== undefined && this.#retries >= retries) return waitFor("retry", present.skipped);
      // Another worker may have taken the last place meanwhile; then it is full at the next look.
      if (!this.#takePlaces(backend, again)) continue;
      this.#count(backend, again);
      return leased(backend, present.skipped);
    }
  }

  /** Whether the pool has as many sessions as it may have. */
  get #isFull(): boolean {
    const { maxConnections } = this.#definition;
    return maxConnections !== undefined && this.#active >= maxConnections;
  }

  get #active(): number {
    return Atomics.load(this.#memory.shared.poolActive, this.#definition.slot);
  }

  get #retries(): number {
    return Atomics.load(this.#memory.shared.poolRetries, this.#definition.slot);
  }

  /** A place in the pool, in its budget of retries, and of the backend. @returns false where one is missing: then it has none. */
  #takePlaces(backend: PlacedBackend, again: boolean): boolean {
    const { shared } = this.#memory;
    const { slot, maxConnections } = this.#definition;
    if (!addOne(shared.poolActive, slot, maxConnections)) return false;
    // Without the one that asks.
    if (!again || addUpTo(shared.poolRetries, slot, this.#mostRetries(this.#active - 1))) {
      if (addOne(shared.backendActive, backend.slot, this.#mostLeases)) return true;
      if (again) this.#leaveRetry();
    }
    Atomics.sub(shared.poolActive, slot, 1);
    // Where it was one of few, somebody else may have found the pool full meanwhile.
    if (maxConnections !== undefined) ringRoom(shared, slot);
    return false;
  }

  #count(backend: PlacedBackend, again: boolean): void {
    const { counters } = this.#memory;
    const { counters: first } = this.#definition;
    counters[backend.counters + backendCell.leased]! += 1;
    counters[first + poolCell.leased]! += 1;
    if (again) counters[first + poolCell.retried]! += 1;
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

  endRetry(): void {
    this.#memory.counters[this.#definition.counters + poolCell.settled]! += 1;
    this.#leaveRetry();
  }

  #leaveRetry(): void {
    const { shared } = this.#memory;
    const { slot } = this.#definition;
    Atomics.sub(shared.poolRetries, slot, 1);
    ringNews(shared, slot);
  }

  /** How many attempts after a failed one may be under way. @param active sessions of the pool, without the one that asks. */
  #mostRetries(active: number): number {
    const { percent, min } = this.#definition.connect.retryBudget;
    return Math.max(min, Math.floor((active * percent) / 100));
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
      peers: this.#memory.peers,
    };
    const { name, destination } = definition;
    return destination === undefined
      ? createPoolPicker(definition, inputs)
      : new DestinationPicker(destination, inputs, (address, client) =>
          this.#memory.want({ pool: name, address, client }),
        );
  }
}

/** Counts one more. @param most undefined: any number. @returns false where there are as many as there may be. */
function addOne(cells: Int32Array<SharedArrayBuffer>, index: number, most: number | undefined): boolean {
  if (most !== undefined) return addUpTo(cells, index, most);
  Atomics.add(cells, index, 1);
  return true;
}
