import type { Server, Socket } from "node:net";
import type { PlacedListener, PlacedPool, Snapshot } from "../model/snapshot.ts";
import { detectTimeout } from "./accept/hello.ts";
import { openServers } from "./accept/servers.ts";
import { ServedPool, type WorkerMemory } from "./pick/pool.ts";
import { ServedListener, same } from "./plane.ts";

/** A listener with its sockets; `served` is what new connections get, and is replaced by a new snapshot. */
interface OpenListener {
  served: ServedListener;
  readonly servers: readonly Server[];
}

/**
 * The state that a worker serves. A snapshot is prepared completely (pickers, TLS contexts, sockets), then put in
 * place in one step; when anything fails, nothing has changed. Sessions keep what they started with.
 */
export class ServedState {
  readonly #listeners = new Map<string, OpenListener>();
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
    const opened: Server[] = [];
    try {
      for (const definition of snapshot.listeners)
        opened.push(...(await this.#prepareListener(definition, pools, commits)));
    } catch (error) {
      for (const server of opened) server.close();
      throw error;
    }
    for (const commit of commits) commit();
    this.#pools = pools;
    const kept = new Set(snapshot.listeners.map((listener) => listener.name));
    for (const [name, open] of this.#listeners)
      if (!kept.has(name)) {
        this.#listeners.delete(name);
        close(open.servers);
      }
  }

  listener(name: string): ServedListener | undefined {
    return this.#listeners.get(name)?.served;
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
      const { handshake, idle, halfClose } = served.definition.timeouts;
      timeouts.push(handshake, idle, halfClose);
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

  /** @returns the sockets that had to be opened. */
  async #prepareListener(
    definition: PlacedListener,
    pools: ReadonlyMap<string, ServedPool>,
    commits: (() => void)[],
  ): Promise<readonly Server[]> {
    const { name } = definition;
    const open = this.#listeners.get(name);
    if (open?.served.serves(definition, pools)) return [];
    const served = new ServedListener(definition, pools, this.#memory.worker.index + 1);
    if (open !== undefined && same(addresses(open.served.definition), addresses(definition))) {
      commits.push(() => {
        open.served = served;
      });
      return [];
    }
    const next: OpenListener = { served, servers: await this.#open(definition) };
    commits.push(() => {
      if (open !== undefined) close(open.servers);
      this.#listeners.set(name, next);
    });
    return next.servers;
  }

  async #open(definition: PlacedListener): Promise<readonly Server[]> {
    if (!this.#accepts(definition)) return [];
    const accept = (socket: Socket): void =>
      this.#onConnection(this.#listeners.get(definition.name)!.served, socket);
    const mayMove = definition.accept === "shared-port" && this.#memory.worker.count > 1;
    return openServers(definition, accept, this.#onServerError, mayMove);
  }

  #accepts({ accept, slot }: PlacedListener): boolean {
    const { index, count } = this.#memory.worker;
    return accept === "shared-port" || (accept === "one-worker" && slot % count === index);
  }
}

const addresses = (listener: PlacedListener): unknown => [listener.accept, listener.addresses];

function close(servers: readonly Server[]): void {
  for (const server of servers) server.close();
}
