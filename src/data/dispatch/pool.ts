import { isDeepStrictEqual } from "node:util";
import { latencyDecay } from "../../model/pool.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { sharedClock } from "../clock.ts";
import { Latencies } from "../pick/latency.ts";
import { Leases, type WorkerMemory } from "../pick/leases.ts";
import { BackendTls } from "../upstream/tls.ts";
import type { UpstreamTls } from "../upstream/upstream.ts";
import { Queue } from "./queue.ts";
import { RetryBudget } from "./retry-budget.ts";

/** A pool as a worker serves it: it stays the same object over snapshots, its picker and its TLS are replaced. */
export class ServedPool {
  definition: PlacedPool;
  /** Undefined: plain TCP. */
  tls: UpstreamTls | undefined;
  /** The same for connections that requests share: it offers the protocols that the pool's `http.version` asks for. */
  sharedTls: UpstreamTls | undefined;
  /** The latencies of its backends; undefined: its picker does not ask. */
  latencies: Latencies | undefined;
  /** Another object each time the way changes in which its backends are connected: says which connections may be used again. */
  wiring: object = {};
  readonly leases: Leases;
  /** Where this worker's sessions wait. */
  readonly queue: Queue;
  readonly retryBudget: RetryBudget;
  readonly #memory: WorkerMemory;
  #tls: BackendTls | undefined;

  /** @throws where OpenSSL refuses the pool's TLS settings. */
  constructor(definition: PlacedPool, memory: WorkerMemory) {
    this.definition = definition;
    const tls = definition.tls && new BackendTls(definition.tls);
    this.tls = tls;
    this.sharedTls = tls?.offering(sharedProtocols(definition));
    this.#tls = tls;
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
    const tls = isDeepStrictEqual(definition.tls, this.definition.tls)
      ? this.#tls
      : definition.tls && new BackendTls(definition.tls);
    const isSameWiring =
      tls === this.#tls &&
      definition.proxyProtocol === this.definition.proxyProtocol &&
      definition.http.version === this.definition.http.version &&
      isDeepStrictEqual(definition.connect.sources, this.definition.connect.sources);
    return () => {
      this.definition = definition;
      if (!isSameWiring) this.wiring = {};
      this.tls = this.#tls = tls;
      this.sharedTls = tls?.offering(sharedProtocols(definition));
      this.latencies = this.#measure(definition);
      commitLeases();
      this.queue.serve();
    };
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

const sharedProtocols = ({ http }: PlacedPool): readonly string[] =>
  http.version === "auto" ? ["h2", "http/1.1"] : ["h2"];
