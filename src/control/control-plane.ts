import type { Server } from "node:net";
import { type CounterMemory, listenerCell, sumCells } from "../channel/counters.ts";
import { createSharedMemory, mostConnections, openOrComing, type SharedMemory } from "../channel/memory.ts";
import { WorkerCounters } from "../channel/worker-counters.ts";
import type { MaterialOfAll } from "../material/renewal.ts";
import { withMaterial } from "../material/with-material.ts";
import type { Challenge } from "../model/acme.ts";
import type { Model } from "../model/model.ts";
import type { SpanRecord } from "../model/tracing.ts";
import { AccessFiles } from "../observe/access-files.ts";
import type { LogDestination } from "../observe/destination.ts";
import type { Logger } from "../observe/logger.ts";
import { Destinations } from "./backends/destinations.ts";
import { BackendDrains } from "./backends/drains.ts";
import { HealthMonitor } from "./backends/health.ts";
import { aWhile, type Discover, PoolBackends } from "./backends/pool-backends.ts";
import { reconfigure, type Serving, tryAddresses } from "./change/reconfigure.ts";
import { Upkeep } from "./change/upkeep.ts";
import { type Drained, drain } from "./process/drain.ts";
import { type FileLimit, readFileLimit } from "./process/file-limit.ts";
import { MemoryWatch, writeLimits } from "./process/load.ts";
import { Store } from "./state/store.ts";
import { readinessOf } from "./tell/readiness.ts";
import type { Readiness } from "./tell/readings.ts";
import { WorkerLog } from "./tell/worker-log.ts";
import { type Bound, bindListeners, type Served } from "./workers/bind.ts";
import { Handover } from "./workers/handover.ts";
import { Supervisor, type SupervisorEvents } from "./workers/supervisor.ts";

export type State = "starting" | "ready" | "draining";

/** Another process whose listening sockets this one takes over. */
export interface ListeningSource {
  readonly served: readonly Served[];
  /** @param give gets each socket with its address, and has to move it to another thread at once. */
  sockets(give: (address: string, server: Server) => void): Promise<void>;
}

/** Starts, feeds and drains the workers. Everything that does not touch a session's bytes happens here. */
export class ControlPlane implements Serving {
  readonly shared: SharedMemory = createSharedMemory();
  readonly memories: readonly CounterMemory[];
  readonly #memory: MemoryWatch;
  readonly supervisor: Supervisor;
  readonly store: Store;
  readonly backends: PoolBackends;
  readonly health: HealthMonitor;
  readonly drains: BackendDrains;
  readonly upkeep: Upkeep;
  readonly handover: Handover;
  state: State = "starting";
  /** When what is left is cut, by performance.now(); undefined until it drains. */
  drainDeadline: number | undefined;
  fileLimit: FileLimit = { limit: undefined, connections: 0 };
  readonly accessFiles: AccessFiles;
  onSpans: ((spans: readonly SpanRecord[]) => void) | undefined;
  readonly #logger: Logger;
  readonly #bound: Bound;
  readonly #taking: ListeningSource | undefined;
  readonly #destinations: Destinations;
  readonly #diedAtStart = Promise.withResolvers<never>();
  #model: Model;
  #whenReady: (() => void) | undefined;

  /** @throws when a listener can't have its address. */
  static async create(
    model: Model,
    discover: Discover,
    logger: Logger,
    destination: LogDestination,
    taking?: ListeningSource,
  ): Promise<ControlPlane> {
    const bound = await bindListeners(model.listeners, taking?.served);
    return new ControlPlane(model, bound, discover, logger, destination, taking);
  }

  private constructor(
    model: Model,
    bound: Bound,
    discover: Discover,
    logger: Logger,
    destination: LogDestination,
    taking: ListeningSource | undefined,
  ) {
    this.#model = model;
    this.#taking = taking;
    this.#logger = logger;
    this.#bound = bound;
    this.accessFiles = new AccessFiles(logger, destination);
    // It may be rejected before anyone waits for it.
    this.#diedAtStart.promise.catch(() => {});
    const counters = new WorkerCounters(model.workers);
    this.memories = counters.memories;
    const { shared, memories } = this;
    const store = new Store(model, bound.listeners, shared, counters);
    const health = new HealthMonitor({ pool: (name) => store.pool(name), shared, memories, logger });
    const supervisor = new Supervisor(memories, shared, model.log, this.#eventsOf(destination));
    this.#memory = new MemoryWatch(shared, logger);
    this.store = store;
    this.backends = new PoolBackends({
      store,
      logger,
      discover,
      settle: () => this.#settle(),
      spread: () => this.spread(),
    });
    this.#destinations = new Destinations(this, logger);
    this.health = health;
    this.supervisor = supervisor;
    this.drains = new BackendDrains({ store, health, supervisor, shared, memories, logger });
    this.upkeep = new Upkeep({
      memories,
      logger,
      snapshot: () => store.snapshot,
      setMaterial: (renewed) => this.#setMaterial(renewed),
      rotateTickets: (listener) => this.#rotateTickets(listener),
      showChallenges: (challenges) => this.#showChallenges(challenges),
    });
    this.handover = new Handover((address, socket) =>
      supervisor.takeOver({ type: "socket", address, socket }),
    );
    this.adopt(model);
  }

  /** The model that is served: the configuration, with the material that was renewed since. */
  get model(): Model {
    return this.#model;
  }

  /**
   * Resolves when every worker accepts.
   * @param whole gives all that is to be served, where that takes a while; meanwhile this is starting, and serves what it has.
   * @throws when a worker can't serve the configuration, or dies.
   */
  async start(whole?: () => Promise<Model>): Promise<void> {
    const begun = Promise.withResolvers<void>();
    const wanted = whole && Promise.all([whole(), begun.promise]).then(([model]) => this.reconfigure(model));
    // It may be rejected before anyone waits for it.
    wanted?.catch(() => {});
    // Threads take a while to start: meanwhile names are resolved.
    this.supervisor.start();
    this.#memory.start();
    const discoveries = this.#model.pools.map((pool) => {
      const discovery = this.backends.discover(pool);
      this.backends.follow(pool.name, discovery);
      return discovery.firstAnswer;
    });
    // Names may take as long as checks.
    const known = Promise.all(discoveries).then(() => this.health.firstResults());
    await Promise.race([known, aWhile(), this.#diedAtStart.promise]);
    this.fileLimit = await readFileLimit();
    Atomics.store(this.shared.process, mostConnections, this.fileLimit.connections);
    await this.#takeSockets();
    const { publishing } = this.supervisor;
    publishing.serve(this.store);
    const served = publishing.served(this.store.version);
    await Promise.race([served, this.#diedAtStart.promise]);
    this.#bound.release();
    await this.handover.follow(this.store.snapshot.listeners);
    this.upkeep.follow(this.#model);
    begun.resolve();
    await Promise.race([wanted, this.#diedAtStart.promise]);
    this.state = "ready";
  }

  /** As late as can be: what comes to them from now on waits until it is served. */
  async #takeSockets(): Promise<void> {
    if (this.#taking === undefined) return;
    const { supervisor } = this;
    await Promise.race([supervisor.allReady, this.#diedAtStart.promise]);
    await this.#taking.sockets((address, server) => supervisor.give(address, server));
  }

  /** Serves another model, see {@link reconfigure}. */
  reconfigure(wanted: Model): Promise<void> {
    return reconfigure(this, wanted);
  }

  /** See {@link tryAddresses}. */
  tryAddresses(wanted: Model): Promise<void> {
    return tryAddresses(this, wanted);
  }

  /** Whether the process is ready for traffic. */
  get readiness(): Readiness {
    return readinessOf(this);
  }

  /** Calls `run` once, when the process is ready for traffic: at once, if it is now. */
  whenReady(run: () => void): void {
    this.#whenReady = run;
    this.#tellReady();
  }

  #tellReady(): void {
    if (this.#whenReady === undefined || this.readiness.state !== "ready") return;
    this.#whenReady();
    this.#whenReady = undefined;
  }

  /**
   * @param hurry aborts when there is to be no more waiting.
   * @param replaced called when nothing is accepted any more, where another process serves already: then at once.
   */
  async drain(hurry: AbortSignal, replaced?: () => void): Promise<Drained> {
    const settings = this.#model.shutdown;
    const shutdown = replaced === undefined ? settings : { ...settings, delay: 0 };
    const drained = await drain(
      shutdown,
      {
        begin: () => {
          this.state = "draining";
          this.drainDeadline = performance.now() + shutdown.delay + shutdown.timeout;
        },
        stopAccepting: () => this.#stopAccepting().then(replaced),
        open: () => openOrComing(this.shared),
        ended: () =>
          this.store.listeners.reduce(
            (sum, { counters }) => sum + sumCells(this.memories, counters + listenerCell.ended),
            0,
          ),
        cut: (reason) => this.supervisor.cut(reason),
      },
      hurry,
    );
    this.drains.stop();
    await this.upkeep.end(hurry);
    return drained;
  }

  /** Ends what was started so far. */
  async abandon(): Promise<void> {
    this.#bound.release();
    await this.#stopAccepting();
    await this.supervisor.cut("stopped");
  }

  async #stopAccepting(): Promise<void> {
    this.backends.stop();
    this.health.stop();
    this.upkeep.stop();
    this.#memory.stop();
    this.handover.close();
    await this.supervisor.drain();
  }

  adopt(model: Model): void {
    this.accessFiles.follow(model);
    this.#model = model;
    this.#logger.level = model.log.level;
    this.supervisor.publishing.log = model.log;
    writeLimits(this.shared, model.overload);
    this.supervisor.watchdog = model.watchdog;
  }

  /** All that has to do with what was touched hears of it, and works on nothing else. */
  spread(): void {
    const touched = this.store.takeTouched();
    this.drains.follow(touched);
    this.health.follow(touched);
    this.supervisor.publishing.publish(touched);
    this.#tellReady();
  }

  failed(error: Error): void {
    this.#logger.error({ err: error }, error.message);
  }

  /** Things that left and have no sessions any more give their places back. */
  #settle(): void {
    this.drains.forget(this.store.settle(this.supervisor.publishing.applied));
  }

  /** Pools that left go when no connection can choose from them any more. */
  #retire(): void {
    if (this.store.retire(this.supervisor.publishing.settled)) this.spread();
  }

  #setMaterial(renewed: MaterialOfAll): void {
    this.store.setMaterial(renewed);
    this.adopt(withMaterial(this.#model, renewed));
    this.spread();
  }

  /** @throws when not every worker shows them in time. */
  async #showChallenges(challenges: readonly Challenge[]): Promise<void> {
    this.store.setChallenges(challenges);
    const { version } = this.store;
    this.spread();
    await this.supervisor.publishing.served(version, longestShowing);
  }

  #rotateTickets(listener: string): void {
    this.store.rotateTickets(listener);
    this.spread();
  }

  #eventsOf(destination: LogDestination): SupervisorEvents {
    const said = new WorkerLog(this.#logger);
    return {
      log: (lines) => destination.write(lines),
      requests: (message) => {
        if (message.type === "access") this.accessFiles.write(message.lines, message.file);
        else if (message.type === "spans") this.onSpans?.(message.spans);
        else if (message.type === "wanted") this.#destinations.wanted(message);
        else this.upkeep.sharing.passed(message.requests);
      },
      trouble: (worker, what, error) => said.trouble(worker, what, error),
      answered: (worker, version, refusal) => {
        if (refusal === undefined) {
          this.#settle();
          this.#retire();
        } else if (this.state !== "starting") said.refuses(worker, version, refusal);
      },
      notHandedOver: (address, error) => said.notHandedOver(address, error),
      settled: () => this.#retire(),
      crashed: (death) => {
        said.died(death);
        this.#diedAtStart.reject(
          new Error(`worker ${death.worker} died while starting: ${death.error.message}`),
        );
      },
    };
  }
}

/** Time that workers have to show a challenge, in milliseconds. */
const longestShowing = 10_000;
