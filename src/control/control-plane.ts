import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type CounterMemory, listenerCell, sumCells } from "../channel/counters.ts";
import { createCounterMemory } from "../channel/layout.ts";
import {
  createSharedMemory,
  mostConnections,
  openConnections,
  type SharedMemory,
} from "../channel/memory.ts";
import type { DiscoverySource } from "../discovery/source.ts";
import { formatAddress } from "../lib/address.ts";
import type { MaterialOfAll } from "../material/renewal.ts";
import type { Backend } from "../model/backend.ts";
import type { Model } from "../model/model.ts";
import type { DiscoverySpec, Pool } from "../model/pool.ts";
import type { LogDestination } from "../observe/destination.ts";
import type { Logger } from "../observe/logger.ts";
import { BackendDrains } from "./backends/drains.ts";
import { HealthMonitor, longestFirstCheck } from "./backends/health.ts";
import { PoolWatches, type Staged } from "./backends/pools.ts";
import { withoutRestart } from "./change/changes.ts";
import { Upkeep } from "./change/upkeep.ts";
import { type Drained, drain } from "./process/drain.ts";
import { type FileLimit, readFileLimit } from "./process/file-limit.ts";
import { Store } from "./state/store.ts";
import { type Bound, bindListeners } from "./workers/bind.ts";
import { Handover } from "./workers/handover.ts";
import { Supervisor } from "./workers/supervisor.ts";

export type State = "starting" | "ready" | "draining";

/** Gives the source of a pool's backends. */
export type Discover = (spec: DiscoverySpec) => DiscoverySource;

/** How long workers may take to serve another configuration, in milliseconds. */
const patience = 10_000;

/** Starts, feeds and drains the workers. Everything that does not touch a session's bytes happens here. */
export class ControlPlane {
  readonly shared: SharedMemory = createSharedMemory();
  readonly memories: readonly CounterMemory[];
  readonly supervisor: Supervisor;
  readonly store: Store;
  readonly health: HealthMonitor;
  readonly drains: BackendDrains;
  readonly pools: PoolWatches;
  readonly upkeep: Upkeep;
  state: State = "starting";
  /** When what is left is cut, by performance.now(); undefined until it drains. */
  drainDeadline: number | undefined;
  fileLimit: FileLimit = { limit: undefined, connections: 0 };
  readonly #discover: Discover;
  readonly #logger: Logger;
  readonly #bound: Bound;
  readonly #handover: Handover;
  /** Of the start: one that a reload adds does not take readiness from those that are served. */
  readonly #firstPools: readonly string[];
  readonly #diedAtStart = Promise.withResolvers<never>();
  #model: Model;

  /** @throws when a listener can't have its address. */
  static async create(
    model: Model,
    discover: Discover,
    logger: Logger,
    destination: LogDestination,
  ): Promise<ControlPlane> {
    return new ControlPlane(model, await bindListeners(model.listeners), discover, logger, destination);
  }

  private constructor(
    model: Model,
    bound: Bound,
    discover: Discover,
    logger: Logger,
    destination: LogDestination,
  ) {
    this.#model = model;
    this.#discover = discover;
    this.#logger = logger;
    this.#firstPools = model.pools.map(({ name }) => name);
    // It may be rejected before anyone waits for it.
    this.#diedAtStart.promise.catch(() => {});
    this.memories = Array.from({ length: model.workers }, createCounterMemory);
    this.#bound = bound;
    this.store = new Store(model, bound.listeners, this.shared, this.memories);
    this.health = new HealthMonitor({
      pool: (name) => this.store.pool(name),
      shared: this.shared,
      logger,
    });
    this.drains = new BackendDrains({
      store: this.store,
      shared: this.shared,
      memories: this.memories,
      logger,
      returns: (pool, address) => this.health.returns(pool, address),
      changed: (pool) => this.health.refresh(pool),
      vacate: (slot) => this.supervisor.vacate(slot),
    });
    this.pools = new PoolWatches((pool, backends) => this.#setBackends(pool, backends), logger);
    this.upkeep = new Upkeep({
      memories: this.memories,
      logger,
      snapshot: () => this.store.snapshot,
      setMaterial: (renewed) => this.#setMaterial(renewed),
      rotateTickets: (listener) => this.#rotateTickets(listener),
    });
    this.#handover = new Handover((address, socket) => {
      try {
        this.supervisor.handOver({ type: "socket", address, socket });
      } catch (error) {
        socket.destroy();
        logger.error({ address, err: error }, "a connection could not be handed to a worker");
      }
    });
    this.supervisor = new Supervisor(this.memories, this.shared, model.log, {
      log: (lines) => destination.write(lines),
      trouble: (worker, what, error) => logger.error({ worker, err: error }, what),
      answered: (worker, version, refusal) => this.#answered(worker, version, refusal),
      settled: () => this.#retire(),
      crashed: (worker, error, backoff) => {
        const fate = backoff === undefined ? "is not replaced while draining" : "is replaced";
        logger.error(
          { worker, err: error, again_in_ms: backoff },
          `a worker died and ${fate}; its sessions were reset`,
        );
        this.#diedAtStart.reject(new Error(`worker ${worker} died while starting: ${error.message}`));
      },
    });
    this.#adopt(model);
  }

  /** What is served: the configuration, with what was renewed from files since. */
  get model(): Model {
    return this.#model;
  }

  /**
   * Resolves when every worker accepts.
   * @throws when a worker can't serve the configuration, or dies.
   */
  async start(): Promise<void> {
    // Threads take a while to start: meanwhile names are resolved.
    this.supervisor.start();
    const staged = this.#stage(this.#model.pools);
    for (const stage of staged.values()) stage.commit();
    // Names may take as long as checks.
    const known = firstAnswers(staged).then(() => this.health.firstResults());
    await Promise.race([known, aWhile(), this.#diedAtStart.promise]);
    this.fileLimit = await readFileLimit();
    Atomics.store(this.shared.process, mostConnections, this.fileLimit.connections);
    this.supervisor.serve(this.store);
    const served = this.supervisor.served(this.store.snapshot.version);
    await Promise.race([served, this.#diedAtStart.promise]);
    this.#bound.release();
    await this.#handover.follow(this.store.snapshot.listeners);
    this.upkeep.follow(this.#model);
    this.state = "ready";
  }

  /**
   * Serves another model from now on, but for what counts from a start on. Sessions go on as they began, and what did not
   * change is not touched.
   * @throws where that can't be done: what was served is served on.
   */
  async reconfigure(wanted: Model): Promise<void> {
    const before = this.#model;
    const next = withoutRestart(before, wanted);
    const discoveries = new Map(before.pools.map(({ name, discovery }) => [name, discovery]));
    const bound = await bindListeners(next.listeners, this.store.snapshot.listeners);
    const staged = this.#stage(
      next.pools.filter(({ name, discovery }) => !isDeepStrictEqual(discovery, discoveries.get(name))),
    );
    try {
      await Promise.race([firstAnswers(staged), aWhile()]);
      await this.#serve(next, bound.listeners, staged);
    } catch (error) {
      for (const stage of staged.values()) stage.abandon();
      throw error;
    } finally {
      bound.release();
    }
    for (const stage of staged.values()) stage.commit();
    // What these had to say last, also where those before them had something to say since.
    this.#placeFound(staged);
    this.#spread();
    const kept = new Set(next.pools.map(({ name }) => name));
    for (const { name } of before.pools) if (!kept.has(name)) this.pools.leave(name);
  }

  /** What is served, for the log's line at start. */
  get summary(): object {
    const { listeners, pools } = this.store.snapshot;
    return {
      listeners: Object.fromEntries(
        listeners.map(({ name, addresses }) => [name, addresses.map(formatAddress)]),
      ),
      pools: Object.fromEntries(pools.map(({ name, backends }) => [name, backends.length])),
      workers: this.memories.length,
      most_connections: this.fileLimit.connections,
    };
  }

  /** Why the process is not ready for traffic; undefined when it is. */
  unready(): string | undefined {
    if (this.state !== "ready") return this.state;
    for (const pool of this.#firstPools) {
      const { everFound = true, lastError } = this.pools.states.get(pool) ?? {};
      if (!everFound)
        return `pool ${pool} has no backend yet${lastError === undefined ? "" : `: ${lastError}`}`;
    }
    return undefined;
  }

  /** @param hurry aborts when there is to be no more waiting. */
  async drain(hurry: AbortSignal): Promise<Drained> {
    const { shutdown } = this.#model;
    const drained = await drain(
      shutdown,
      {
        begin: () => {
          this.state = "draining";
          this.drainDeadline = performance.now() + shutdown.delay + shutdown.timeout;
        },
        stopAccepting: () => this.#stopAccepting(),
        open: () => Atomics.load(this.shared.process, openConnections),
        ended: () =>
          this.store.listeners.reduce(
            (sum, { counters }) => sum + sumCells(this.memories, counters + listenerCell.ended),
            0,
          ),
        cut: (reason) => this.supervisor.cut(reason),
      },
      hurry,
    );
    this.upkeep.end();
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
    this.pools.stop();
    this.health.stop();
    this.upkeep.stop();
    this.#handover.close();
    await this.supervisor.drain();
  }

  #stage(pools: readonly Pool[]): ReadonlyMap<string, Staged> {
    return new Map(
      pools.map(({ name, discovery }) => [name, this.pools.stage(name, this.#discover(discovery))]),
    );
  }

  /** The workers serve this, all of it on all of them; or all of them serve on what they served before. */
  async #serve(next: Model, bound: Bound["listeners"], staged: ReadonlyMap<string, Staged>): Promise<void> {
    if (this.state !== "ready") throw new Error(`umay is ${this.state}`);
    const before = this.#model;
    const served = this.store.snapshot;
    const backends = new Map(served.pools.map((pool) => [pool.name, pool.backends]));
    this.upkeep.pause();
    try {
      this.store.configure(next, bound);
      this.#placeFound(staged);
      this.#adopt(next);
      this.#spread();
      await this.supervisor.served(this.store.snapshot.version, patience);
      await this.#handover.follow(this.store.snapshot.listeners);
    } catch (error) {
      const bound = new Map(served.listeners.map((listener) => [listener.name, listener]));
      this.store.configure(before, bound);
      for (const { name } of before.pools)
        if (staged.has(name)) this.#placeBackends(name, backends.get(name) ?? []);
      this.#adopt(before);
      this.#spread();
      await this.#handover
        .follow(served.listeners)
        .catch((err: Error) => this.#logger.error({ err }, err.message));
      throw error;
    } finally {
      this.upkeep.follow(this.#model);
    }
  }

  /** What is to be served, where it is not for the store alone. */
  #adopt(model: Model): void {
    this.#model = model;
    this.#logger.level = model.log.level;
    this.supervisor.log = model.log;
  }

  #setBackends(pool: string, backends: readonly Backend[]): void {
    this.#placeBackends(pool, backends);
    this.#spread();
  }

  #placeFound(staged: ReadonlyMap<string, Staged>): void {
    for (const [pool, { found }] of staged) {
      const backends = found();
      if (backends !== undefined) this.#placeBackends(pool, backends);
    }
  }

  #placeBackends(pool: string, backends: readonly Backend[]): void {
    this.#settle();
    const homeless = this.store.setBackends(pool, backends);
    if (homeless > 0)
      this.#logger.error(
        { pool, left_out: homeless },
        "more backends than umay has room for; some are left out",
      );
  }

  /** The state has changed: all that has to do with what was touched hears of it, and works on nothing else. */
  #spread(): void {
    const touched = this.store.takeTouched();
    this.drains.follow(touched);
    this.health.follow(touched);
    this.supervisor.publish(touched);
  }

  /** What left and has no sessions any more gives its place back. */
  #settle(): void {
    this.drains.forget(this.store.settle(this.supervisor.applied));
  }

  /** Pools that left go when no connection can choose from them any more. */
  #retire(): void {
    if (this.store.retire(this.supervisor.settled)) this.#spread();
  }

  #setMaterial(renewed: MaterialOfAll): void {
    this.store.setMaterial(renewed);
    const { listeners, pools } = this.#model;
    this.#adopt({
      ...this.#model,
      listeners: listeners.map((listener) => ({
        ...listener,
        tls: renewed.listeners.get(listener.name) ?? listener.tls,
      })),
      pools: pools.map((pool) => ({ ...pool, ...renewed.pools.get(pool.name) })),
    });
    this.#spread();
  }

  #rotateTickets(listener: string): void {
    this.store.rotateTickets(listener);
    this.#spread();
  }

  #answered(worker: number, version: number, refusal: string | undefined): void {
    if (refusal === undefined) {
      this.#settle();
      this.#retire();
    } else if (this.state !== "starting")
      this.#logger.error(
        { worker, version, cause: refusal },
        "a worker refuses a snapshot and goes on with its last one",
      );
  }
}

async function firstAnswers(staged: ReadonlyMap<string, Staged>): Promise<void> {
  await Promise.all([...staged.values()].map(({ firstAnswer }) => firstAnswer));
}

/** What was not found out until then is found out while sessions come. */
const aWhile = (): Promise<void> => sleep(longestFirstCheck, undefined, { ref: false });
