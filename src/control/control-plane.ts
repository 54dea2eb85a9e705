import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type CounterMemory, createCounterMemory, listenerCell, sumCells } from "../channel/counters.ts";
import {
  createSharedMemory,
  mostConnections,
  openConnections,
  type SharedMemory,
} from "../channel/memory.ts";
import { createDiscovery } from "../discovery/registry.ts";
import { formatAddress } from "../lib/address.ts";
import type { Backend } from "../model/backend.ts";
import type { HealthPolicy } from "../model/health.ts";
import type { Model } from "../model/model.ts";
import type { LogDestination } from "../observe/destination.ts";
import type { Logger } from "../observe/logger.ts";
import { BackendDrains } from "./backend-drains.ts";
import { type Bound, bindListeners } from "./bind.ts";
import { type Drained, drain } from "./drain.ts";
import { ExpiryWatch } from "./expiry.ts";
import { type FileLimit, readFileLimit } from "./file-limit.ts";
import { acceptForWorkers } from "./handover.ts";
import { HealthMonitor, longestFirstCheck } from "./health.ts";
import { type PoolWatch, watchPools } from "./pools.ts";
import { watchRejections } from "./rejections.ts";
import { type ByName, type FromFiles, type ReloadCounts, Renewal } from "./renewal.ts";
import { Store } from "./store.ts";
import { Supervisor } from "./supervisor.ts";
import { TicketRotation } from "./ticket-rotation.ts";

export type State = "starting" | "ready" | "draining";

/** Starts, feeds and drains the workers. Everything that does not touch a session's bytes happens here. */
export class ControlPlane {
  readonly model: Model;
  readonly shared: SharedMemory = createSharedMemory();
  readonly memories: readonly CounterMemory[];
  readonly supervisor: Supervisor;
  readonly store: Store;
  readonly health: HealthMonitor;
  readonly drains: BackendDrains;
  pools: PoolWatch = { states: new Map(), firstAnswers: Promise.resolve() };
  state: State = "starting";
  /** When what is left is cut, by performance.now(); undefined until it drains. */
  drainDeadline: number | undefined;
  fileLimit: FileLimit = { limit: undefined, connections: 0 };
  readonly #logger: Logger;
  readonly #discovery = new AbortController();
  readonly #bound: Bound;
  /** By pool. */
  #policies: ReadonlyMap<string, HealthPolicy>;
  readonly #firstVersionServed = Promise.withResolvers<void>();
  #handover: readonly Server[] = [];
  #rejections: { stop(): void } | undefined;
  #renewal: Renewal | undefined;
  #expiry: ExpiryWatch | undefined;
  #rotation: TicketRotation | undefined;

  /** @throws when a listener can't have its address. */
  static async create(model: Model, logger: Logger, destination: LogDestination): Promise<ControlPlane> {
    return new ControlPlane(model, await bindListeners(model.listeners), logger, destination);
  }

  private constructor(model: Model, bound: Bound, logger: Logger, destination: LogDestination) {
    this.model = model;
    this.#logger = logger;
    // It may be rejected before anyone waits for it.
    this.#firstVersionServed.promise.catch(() => {});
    this.memories = Array.from({ length: model.workers }, createCounterMemory);
    this.#bound = bound;
    this.#policies = new Map(model.pools.map(({ name, health }) => [name, health]));
    this.store = new Store(model, bound.listeners, this.shared, this.memories);
    this.health = new HealthMonitor({ shared: this.shared, logger });
    this.drains = new BackendDrains({
      store: this.store,
      shared: this.shared,
      memories: this.memories,
      removals: new Map(model.pools.map(({ name, removal }) => [name, removal])),
      logger,
      returns: (pool, address) => this.health.returns(pool, address),
      changed: () => this.#updateHealth(),
      vacate: (slot) => this.supervisor.vacate(slot),
    });
    this.supervisor = new Supervisor(this.memories, this.shared, model.log, {
      log: (lines) => destination.write(lines),
      trouble: (worker, what, error) => logger.error({ worker, err: error }, what),
      answered: (worker, version, refusal) => this.#answered(worker, version, refusal),
      crashed: (worker, error, backoff) => {
        const fate = backoff === undefined ? "is not replaced while draining" : "is replaced";
        logger.error(
          { worker, err: error, again_in_ms: backoff },
          `a worker died and ${fate}; its sessions were reset`,
        );
        if (this.state === "starting")
          this.#firstVersionServed.reject(
            new Error(`worker ${worker} died while starting: ${error.message}`),
          );
      },
    });
  }

  /**
   * Resolves when every worker accepts.
   * @throws when a worker can't serve the configuration, or dies.
   */
  async start(): Promise<void> {
    // Threads take a while to start: meanwhile names are resolved.
    this.supervisor.start();
    const sources = new Map(this.model.pools.map((pool) => [pool.name, createDiscovery(pool.discovery)]));
    let started = false;
    const onBackends = (pool: string, backends: readonly Backend[]): void => {
      this.#setBackends(pool, backends);
      if (started) this.supervisor.publish(this.store.snapshot);
    };
    this.pools = watchPools(sources, onBackends, this.#logger, this.#discovery.signal);
    // Names may take as long as checks.
    const longEnough = sleep(longestFirstCheck, undefined, { ref: false });
    const known = this.pools.firstAnswers.then(() => this.health.firstResults());
    await Promise.race([known, longEnough, this.#firstVersionServed.promise]);
    this.fileLimit = await readFileLimit();
    Atomics.store(this.shared.process, mostConnections, this.fileLimit.connections);
    started = true;
    this.supervisor.publish(this.store.snapshot);
    await this.#firstVersionServed.promise;
    this.#bound.release();
    await this.#acceptHandedOver();
    this.#rejections = watchRejections(this.store.snapshot.listeners, this.memories, this.#logger);
    const { listeners } = this.store.snapshot;
    this.#expiry = new ExpiryWatch(() => this.store.snapshot, this.#logger);
    const { pools } = this.model;
    this.#renewal = new Renewal(listeners, pools, (renewed) => this.#setFiles(renewed), this.#logger);
    this.#rotation = new TicketRotation(listeners, (listener) => this.#rotateTickets(listener), this.#logger);
    this.state = "ready";
  }

  /** How often what listeners and pools have from files was renewed, and how often that failed. */
  get certificateReloads(): ByName<ReloadCounts, ReloadCounts> {
    return this.#renewal?.counts ?? { listeners: new Map(), pools: new Map() };
  }

  /** What is served, for the log's line at start. */
  get summary(): object {
    const { listeners, pools } = this.store.snapshot;
    return {
      listeners: Object.fromEntries(
        listeners.map(({ name, addresses }) => [name, addresses.map(formatAddress)]),
      ),
      pools: Object.fromEntries(pools.map(({ name, backends }) => [name, backends.length])),
      workers: this.model.workers,
      most_connections: this.fileLimit.connections,
    };
  }

  /** Why the process is not ready for traffic; undefined when it is. */
  unready(): string | undefined {
    if (this.state !== "ready") return this.state;
    for (const [pool, { everFound, lastError }] of this.pools.states)
      if (!everFound)
        return `pool ${pool} has no backend yet${lastError === undefined ? "" : `: ${lastError}`}`;
    return undefined;
  }

  /** @param hurry aborts when there is to be no more waiting. */
  async drain(hurry: AbortSignal): Promise<Drained> {
    const drained = await drain(
      this.model.shutdown,
      {
        begin: () => {
          this.state = "draining";
          this.drainDeadline = performance.now() + this.model.shutdown.delay + this.model.shutdown.timeout;
        },
        stopAccepting: () => this.#stopAccepting(),
        open: () => Atomics.load(this.shared.process, openConnections),
        ended: () =>
          this.store.snapshot.listeners.reduce(
            (sum, { counters }) => sum + sumCells(this.memories, counters + listenerCell.ended),
            0,
          ),
        cut: (reason) => this.supervisor.cut(reason),
      },
      hurry,
    );
    this.#rejections?.stop();
    this.drains.stop();
    return drained;
  }

  /** Ends what was started so far. */
  async abandon(): Promise<void> {
    this.#bound.release();
    await this.#stopAccepting();
    await this.supervisor.cut("stopped");
  }

  async #stopAccepting(): Promise<void> {
    this.#discovery.abort();
    this.health.stop();
    this.#renewal?.stop();
    this.#expiry?.stop();
    this.#rotation?.stop();
    for (const server of this.#handover) server.close();
    await this.supervisor.drain();
  }

  #setBackends(pool: string, backends: readonly Backend[]): void {
    this.store.settle(this.supervisor.applied);
    const homeless = this.store.setBackends(pool, backends);
    this.drains.follow();
    this.#updateHealth();
    if (homeless > 0)
      this.#logger.error(
        { pool, left_out: homeless },
        "more backends than umay has room for; some are left out",
      );
  }

  /** The set of backends, which of them may be picked, or how they are checked, has changed. */
  #updateHealth(): void {
    this.health.update(this.store.snapshot.pools, this.#policies);
  }

  #setFiles(renewed: FromFiles): void {
    this.store.setFiles(renewed);
    if (renewed.pools.size > 0) {
      const policies = [...renewed.pools].map(([pool, { health }]) => [pool, health] as const);
      this.#policies = new Map([...this.#policies, ...policies]);
      this.#updateHealth();
    }
    this.#expiry?.look();
    this.supervisor.publish(this.store.snapshot);
  }

  #rotateTickets(listener: string): void {
    this.store.rotateTickets(listener);
    this.supervisor.publish(this.store.snapshot);
  }

  #answered(worker: number, version: number, refusal: string | undefined): void {
    if (refusal === undefined) {
      this.store.settle(this.supervisor.applied);
      if (this.supervisor.applied > 0) this.#firstVersionServed.resolve();
      return;
    }
    const error = new Error(refusal);
    if (this.state === "starting") this.#firstVersionServed.reject(error);
    else
      this.#logger.error(
        { worker, version, err: error },
        "a worker refuses a snapshot and goes on with its last one",
      );
  }

  async #acceptHandedOver(): Promise<void> {
    for (const listener of this.store.snapshot.listeners) {
      if (listener.accept !== "handed-over") continue;
      const servers = await acceptForWorkers(listener, (name, socket) => {
        try {
          this.supervisor.handOver({ type: "socket", listener: name, socket });
        } catch (error) {
          socket.destroy();
          this.#logger.error({ listener: name, err: error }, "a connection could not be handed to a worker");
        }
      });
      this.#handover = [...this.#handover, ...servers];
    }
  }
}
