import { isDeepStrictEqual } from "node:util";
import { addUpTo, ringNews, ringRoom } from "../../channel/bells.ts";
import { backendCell, type CounterMemory, poolCell } from "../../channel/counters.ts";
import { obstacleOf, type SharedMemory } from "../../channel/memory.ts";
import type { Obstacle, PlacedBackend, Skipped } from "../../model/backend.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { sharedClock } from "../clock.ts";
import { Queue, type Wait } from "../dispatch/queue.ts";
import { BackendTls } from "../upstream/tls.ts";
import { Latencies } from "./latency.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { createTieredPicker } from "./tiers.ts";

/** The memory that a worker counts in, and which worker it is. */
export interface WorkerMemory {
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
  readonly worker: PickerInputs["worker"];
}

/**
 * Why no backend can be had now: none may be picked, or the pool has no retries at all; otherwise, what to wait for.
 */
export type Unavailable = "none" | "no_retry" | Wait;

/** Of those that one pick passes over, so many are noted. */
const mostSkipped = 8;

/** A pool as a worker serves it: it stays the same object over snapshots, its picker and its TLS are replaced. */
export class ServedPool implements PickContext {
  definition: PlacedPool;
  /** Undefined: plain TCP. */
  tls: BackendTls | undefined;
  /** What its backends' answers take; undefined: its picker does not ask. */
  latencies: Latencies | undefined;
  clientAddress = "";
  serverName = "";
  /** Where this worker's sessions wait. */
  readonly queue: Queue;
  /** Whom the last pick passed over; undefined: nobody. */
  skipped: Skipped[] | undefined = undefined;
  #tried: readonly PlacedBackend[] = [];
  /** Of the present pick. */
  #unavailable: Unavailable = "none";
  #picker: Picker;
  readonly #memory: WorkerMemory;

  /** @throws where OpenSSL refuses the pool's TLS settings. */
  constructor(definition: PlacedPool, memory: WorkerMemory) {
    this.definition = definition;
    this.tls = definition.tls && new BackendTls(definition.tls);
    this.#memory = memory;
    this.latencies = this.#measure(definition);
    this.#picker = this.#build(definition, undefined);
    this.queue = new Queue(definition, memory.shared, memory.counters);
  }

  /**
   * Builds what a new definition needs; nothing changes until the returned function is called.
   * @throws where OpenSSL refuses the pool's TLS settings.
   */
  prepare(definition: PlacedPool): () => void {
    const sameKind = definition.picker.type === this.definition.picker.type;
    const picker = this.#build(definition, sameKind ? this.#picker : undefined);
    const tls = isDeepStrictEqual(definition.tls, this.definition.tls)
      ? this.tls
      : definition.tls && new BackendTls(definition.tls);
    return () => {
      this.definition = definition;
      this.tls = tls;
      this.latencies = this.#measure(definition);
      this.#picker = picker;
      this.queue.serve();
    };
  }

  /**
   * The backend to try next, leased: {@link release} must follow, and where some were tried, {@link endRetry}.
   * @param tried backends that this session has tried already.
   */
  lease(
    clientAddress: string,
    serverName: string,
    tried: readonly PlacedBackend[],
  ): PlacedBackend | Unavailable {
    const { shared, counters } = this.#memory;
    this.#begin(clientAddress, serverName, tried);
    let retrying = false;
    for (;;) {
      const backend = this.#picker.pick(this);
      if (backend === undefined) {
        if (retrying) this.endRetry();
        return this.#unavailable;
      }
      // Last, so that who finds no backend does not take a place that others wait for.
      if (tried.length > 0 && !retrying) {
        retrying = this.#beginRetry();
        if (!retrying) return this.#mostRetries > 0 ? "retry" : "no_retry";
      }
      // Another worker may have taken the last place meanwhile; then it is full at the next look.
      if (!this.#takePlace(backend.slot)) continue;
      Atomics.add(shared.poolActive, this.definition.slot, 1);
      counters[backend.counters + backendCell.leased]! += 1;
      counters[this.definition.counters + poolCell.leased]! += 1;
      return backend;
    }
  }

  /** The same with any picker over this pool's backends, and without a lease. */
  pick(
    picker: Picker,
    clientAddress: string,
    serverName: string,
    tried: readonly PlacedBackend[],
  ): PlacedBackend | undefined {
    this.#begin(clientAddress, serverName, tried);
    return picker.pick(this);
  }

  /** Why the last pick found no backend. */
  get unavailable(): Unavailable {
    return this.#unavailable;
  }

  #begin(clientAddress: string, serverName: string, tried: readonly PlacedBackend[]): void {
    this.clientAddress = clientAddress;
    this.serverName = serverName;
    this.#tried = tried;
    this.#unavailable = "none";
    this.skipped = undefined;
  }

  /**
   * A picker to try out what the pool's own would do without moving it: a copy that goes on from the same place, or the
   * picker itself, where it keeps none. @param random uniform in [0, 1).
   */
  rehearse(random: () => number): Picker {
    if (this.definition.picker.type === "consistent-hash") return this.#picker;
    return this.#build(this.definition, this.#picker, random);
  }

  release(backend: PlacedBackend): void {
    const { shared, counters } = this.#memory;
    const { slot, counters: first } = this.definition;
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
    const { slot, counters: first } = this.definition;
    if (!addUpTo(shared.poolRetries, slot, this.#mostRetries)) return false;
    counters[first + poolCell.retried]! += 1;
    return true;
  }

  endRetry(): void {
    const { shared, counters } = this.#memory;
    const { slot, counters: first } = this.definition;
    counters[first + poolCell.settled]! += 1;
    Atomics.sub(shared.poolRetries, slot, 1);
    ringNews(shared, slot);
  }

  /** How many attempts after a failed one may be under way now. */
  get #mostRetries(): number {
    const { percent, min } = this.definition.connect.retryBudget;
    const active = Atomics.load(this.#memory.shared.poolActive, this.definition.slot);
    return Math.max(min, Math.floor((active * percent) / 100));
  }

  /** The one predicate in front of all pickers. */
  mayPick(backend: PlacedBackend): boolean {
    for (const other of this.#tried) if (other.slot === backend.slot) return false;
    const why = this.obstacle(backend);
    if (why === undefined) return true;
    if (why === "full") this.#unavailable = "room";
    else if (why === "checking" && this.#unavailable === "none") this.#unavailable = "check";
    this.#skip(backend, why);
    return false;
  }

  #takePlace(backendSlot: number): boolean {
    const { backendActive } = this.#memory.shared;
    const most = this.definition.maxConnectionsPerBackend;
    if (most !== undefined) return addUpTo(backendActive, backendSlot, most);
    Atomics.add(backendActive, backendSlot, 1);
    return true;
  }

  /** What keeps a backend from being picked by any session now; undefined: nothing. */
  obstacle({ slot }: PlacedBackend): Obstacle | undefined {
    const { backendFlags, backendActive } = this.#memory.shared;
    const flags = backendFlags[slot]!;
    const why = flags === 0 ? undefined : obstacleOf(flags);
    const most = this.definition.maxConnectionsPerBackend;
    if (why !== undefined || most === undefined) return why;
    return Atomics.load(backendActive, slot) < most ? undefined : "full";
  }

  #skip({ address }: PlacedBackend, why: Obstacle): void {
    this.skipped ??= [];
    if (this.skipped.length === mostSkipped) return;
    for (const { backend } of this.skipped) if (backend === address) return;
    this.skipped.push({ backend: address, why });
  }

  #measure({ picker }: PlacedPool): Latencies | undefined {
    if (picker.type !== "peak-ewma") return undefined;
    return new Latencies(this.#memory.shared.backendLatency, sharedClock, picker.decay);
  }

  #build(definition: PlacedPool, previous: Picker | undefined, random: () => number = Math.random): Picker {
    const { shared } = this.#memory;
    return createTieredPicker(definition.picker, {
      backends: definition.backends,
      active: shared.backendActive,
      withheld: shared.backendWithheld,
      latency: shared.backendLatency,
      clock: sharedClock,
      random,
      previous,
      worker: this.#memory.worker,
    });
  }
}
