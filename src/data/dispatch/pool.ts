import type { PlacedBackend } from "../../model/backend.ts";
import { latencyDecay } from "../../model/pool.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { sharedClock } from "../clock.ts";
import { Latencies } from "../pick/latency.ts";
import { Leases, type WorkerMemory } from "../pick/leases.ts";
import { type Wiring, Wirings } from "../upstream/wiring.ts";
import { Queue } from "./queue.ts";
import { RetryBudget } from "./retry-budget.ts";

/** A pool as a worker serves it: it stays the same object over snapshots, its picker and its wirings are replaced. */
export class ServedPool {
  definition: PlacedPool;
  /** The latencies of its backends; undefined: its picker does not ask. */
  latencies: Latencies | undefined;
  readonly leases: Leases;
  /** Where this worker's sessions wait. */
  readonly queue: Queue;
  readonly retryBudget: RetryBudget;
  readonly #memory: WorkerMemory;
  readonly #wirings: Wirings;

  /** @throws where OpenSSL refuses the pool's TLS settings. */
  constructor(definition: PlacedPool, memory: WorkerMemory) {
    this.definition = definition;
    this.#wirings = new Wirings(definition);
    this.#memory = memory;
    this.latencies = this.#measure(definition);
    this.leases = new Leases(definition, memory);
    this.queue = new Queue(definition, memory.shared, memory.counters);
    this.retryBudget = new RetryBudget(memory.shared.retryWindow, definition.slot, sharedClock);
  }

  /**
   * Builds what a new definition needs; nothing changes until the returned function is called.
   * @throws where OpenSSL refuses the pool's TLS settings.
   */
  prepare(definition: PlacedPool): () => void {
    const commitLeases = this.leases.prepare(definition);
    const commitWirings = this.#wirings.prepare(definition);
    return () => {
      this.definition = definition;
      commitWirings();
      this.latencies = this.#measure(definition);
      commitLeases();
      this.queue.serve();
    };
  }

  /** How one of its backends is connected now. */
  wiringOf(backend: PlacedBackend): Wiring {
    return this.#wirings.of(backend);
  }

  /** Whether its backends have only so many places: sessions may wait for one. */
  get isLimited(): boolean {
    const { maxConnections, maxConnectionsPerBackend, http } = this.definition;
    return (maxConnections ?? maxConnectionsPerBackend ?? http.maxRequestsPerBackend) !== undefined;
  }

  #measure({ picker }: PlacedPool): Latencies | undefined {
    const decay = latencyDecay(picker);
    return decay === undefined
      ? undefined
      : new Latencies(this.#memory.shared.backendLatency, sharedClock, decay);
  }
}
