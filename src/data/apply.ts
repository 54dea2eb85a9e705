import type { Server, Socket } from "node:net";
import { formatAddress } from "../lib/address.ts";
import type { PlacedListener, PlacedPool, Snapshot } from "../model/snapshot.ts";
import { detectTimeout } from "./accept/hello.ts";
import { openServers } from "./accept/servers.ts";
import { ServedPool } from "./dispatch/pool.ts";
import { hashString } from "./pick/hash.ts";
import type { WorkerMemory } from "./pick/leases.ts";
import { ServedListener, same } from "./plane.ts";

/** A listener with its sockets; `served` is what new connections get, and is replaced by a new snapshot. */
interface OpenListener {
  served: ServedListener;
  servers: readonly Server[];
}

/**
 * The state that a worker serves. A snapshot is prepared completely (pickers, TLS contexts, sockets), then put in
 * place in one step; when anything fails, nothing has changed. Sessions keep what they started with.
 */
export class ServedState {
  #listeners: ReadonlyMap<string, OpenListener> = new Map();
  #pools = new Map<string, ServedPool>();
  readonly #memory: WorkerMemory;
  readonly #onConnection: (listener: ServedListener, socket: Socket) => void;
  readonly #onServerError: (error: Error) => void;

  constructor(
    memory: WorkerMemory,
    onConnection: (listener: ServedListener, socket: Socket) => void,
    onServerError: (error: Error) => void,
  ) {
    this.#memory = memory;
    this.#onConnection = onConnection;
    this.#onServerError = onServerError;
  }

  /** @throws when the snapshot can't be served; the last one goes on. */
  async apply(snapshot: Snapshot): Promise<void> {
    const commits: (() => void)[] = [];
    const pools = new Map<string, ServedPool>();
    for (const definition of snapshot.pools)
      pools.set(definition.name, this.#preparePool(definition, commits));
    for (const [name, pool] of this.#pools)
      if (!pools.has(name)) commits.push(pool.prepare({ ...pool.definition, backends: [] }));
    const sockets = new Map(
      [...this.#listeners.values()].map((open) => [placeOf(open.served.definition), open]),
    );
    const listeners = new Map<string, OpenListener>();
    const opened: Server[] = [];
    try {
      for (const definition of snapshot.listeners) {
        const open = await this.#prepareListener(definition, pools, sockets, opened, commits);
        listeners.set(definition.name, open);
      }
    } catch (error) {
      for (const server of opened) server.close();
      throw error;
    }
    for (const commit of commits) commit();
    this.#pools = pools;
    const before = this.#listeners;
    this.#listeners = listeners;
    const kept = new Set(listeners.values());
    for (const open of before.values()) if (!kept.has(open)) close(open.servers);
  }

  listener(name: string): ServedListener | undefined {
    return this.#listeners.get(name)?.served;
  }

  listenerAt(address: string): ServedListener | undefined {
    for (const { served } of this.#listeners.values())
      if (served.definition.addresses.some((own) => formatAddress(own) === address)) return served;
    return undefined;
  }

  /** Stops accepting on every listener. */
  close(): void {
    for (const open of this.#listeners.values()) close(open.servers);
  }

  /** The shortest timeout of all listeners and pools, in milliseconds. */
  get shortestTimeout(): number {
    const timeouts = [...this.#pools.values()].flatMap(
      ({ definition: { connect, queue, maxConnectionsPerBackend } }) =>
        maxConnectionsPerBackend === undefined ? [connect.timeout] : [connect.timeout, queue.timeout],
    );
    for (const { served } of this.#listeners.values()) {
      const { timeouts: own, chains } = served.definition;
      timeouts.push(own.handshake);
      for (const { idle, halfClose } of new Set(chains.map((chain) => chain.timeouts)))
        timeouts.push(idle, halfClose);
      if (served.definition.detect) timeouts.push(detectTimeout);
    }
    return Math.min(...timeouts);
  }

  #preparePool(definition: PlacedPool, commits: (() => void)[]): ServedPool {
    const pool = this.#pools.get(definition.name);
    if (pool === undefined) return new ServedPool(definition, this.#memory);
    if (!same(pool.definition, definition)) commits.push(pool.prepare(definition));
    return pool;
  }

  /**
   * Sockets on the same addresses stay open, whatever their listener is called: what waits in them to be accepted is not lost.
   * @param sockets that are open, by their place.
   * @param opened gets those that had to be opened.
   */
  async #prepareListener(
    definition: PlacedListener,
    pools: ReadonlyMap<string, ServedPool>,
    sockets: ReadonlyMap<string, OpenListener>,
    opened: Server[],
    commits: (() => void)[],
  ): Promise<OpenListener> {
    const before = this.#listeners.get(definition.name);
    if (before?.served.serves(definition, pools)) return before;
    const served = new ServedListener(definition, pools, this.#memory.worker.index + 1);
    const open = sockets.get(placeOf(definition));
    if (open === undefined) return this.#open(served, opened);
    commits.push(() => {
      open.served = served;
    });
    return open;
  }

  async #open(served: ServedListener, opened: Server[]): Promise<OpenListener> {
    const open: OpenListener = { served, servers: [] };
    const { definition } = served;
    if (!this.#accepts(definition)) return open;
    const accept = (socket: Socket): void => this.#onConnection(open.served, socket);
    const mayMove = definition.accept === "shared-port" && this.#memory.worker.count > 1;
    open.servers = await openServers(definition, accept, this.#onServerError, mayMove);
    opened.push(...open.servers);
    return open;
  }

  /** What only one worker can have stays with that one, whatever its listener is called. */
  #accepts({ accept, addresses: [first] }: PlacedListener): boolean {
    const { index, count } = this.#memory.worker;
    if (accept === "one-worker") return (hashString(formatAddress(first!), 0) >>> 0) % count === index;
    return accept === "shared-port";
  }
}

/** Where a listener's sockets are, as text. */
const placeOf = ({ accept, addresses }: PlacedListener): string =>
  [accept, ...addresses.map(formatAddress)].join(" ");

function close(servers: readonly Server[]): void {
  for (const server of servers) server.close();
}
