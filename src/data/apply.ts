import type { Server, Socket } from "node:net";
import type { ListeningSocket } from "../channel/messages.ts";
import { canonicalAddress, formatAddress, type SocketAddress } from "../lib/address.ts";
import { descriptorOf } from "../lib/descriptor.ts";
import { hashString } from "../lib/hash.ts";
import { type SocketRights, setSocketRights } from "../lib/socket-file.ts";
import { type Chain, poolsOf } from "../model/chain.ts";
import { type HttpRoute, poolsOfTable, routesOf } from "../model/http/route.ts";
import type { Difference, PlacedListener, PlacedPool, PlacedRouteTable } from "../model/snapshot.ts";
import { detectTimeout } from "./accept/hello.ts";
import { openServers } from "./accept/servers.ts";
import type { TakenServers } from "./accept/taken.ts";
import { type CompiledTable, indexTable } from "./decide/http/routing.ts";
import { ServedPool } from "./dispatch/pool.ts";
import type { ServedGuards } from "./guard/guards.ts";
import type { WorkerMemory } from "./pick/leases.ts";
import { type Served, ServedListener } from "./plane.ts";

/** A listener with its sockets; `served` is what new connections get, and is replaced when the listener changes. */
interface OpenListener {
  served: ServedListener;
  servers: readonly Server[];
}

/** The parts of a change that are ready, before any of them is in place. */
interface Prepared {
  readonly listeners: Map<string, OpenListener>;
  /** Sockets that had to be opened. */
  readonly opened: Server[];
  /** Functions that put it in place. None of them throws. */
  readonly commits: (() => void)[];
}

/** The memory of a worker, and what of it lives as long as itself. */
type ServingMemory = WorkerMemory & { readonly guards: ServedGuards };

/** The owner of the served state, who is told of it. */
export interface ServedEvents {
  readonly onConnection: (listener: ServedListener, socket: Socket) => void;
  /** Of a listening socket. */
  readonly onServerError: (error: Error) => void;
  /** {@link ServedState.settled} is a later version. */
  readonly onSettled: () => void;
  /** Listening sockets that this worker was given. */
  readonly taken: Pick<TakenServers, "adopt">;
}

/**
 * The state that a worker serves. A change is prepared completely (pickers, TLS contexts, sockets), then put in place in
 * one step; when anything fails, nothing has changed. Listeners and pools that a change does not name are not touched.
 */
export class ServedState {
  readonly #listeners = new Map<string, OpenListener>();
  readonly #pools = new Map<string, ServedPool>();
  readonly #tables = new Map<string, CompiledTable>();
  /** The guards that each table's routes name. */
  readonly #guardsOf = new Map<string, readonly string[]>();
  /** The shortest timeout of each table's routes, in milliseconds. */
  readonly #ofTables = new Map<string, number>();
  readonly #served: Served = { pools: this.#pools, tables: this.#tables };
  #version = 0;
  /** Listeners that are no longer served and have undecided connections, and the last version that they were part of. */
  readonly #retired = new Map<ServedListener, number>();
  /** Undefined: it has to be found out. */
  #shortest: number | undefined;
  readonly #memory: ServingMemory;
  readonly #onConnection: (listener: ServedListener, socket: Socket) => void;
  readonly #onServerError: (error: Error) => void;
  readonly #onSettled: () => void;

  readonly #taken: ServedEvents["taken"];

  constructor(memory: ServingMemory, { onConnection, onServerError, onSettled, taken }: ServedEvents) {
    this.#memory = memory;
    this.#onConnection = onConnection;
    this.#onServerError = onServerError;
    this.#onSettled = onSettled;
    this.#taken = taken;
  }

  /** The backends of a pool; none where it is not served. */
  backendsOf(pool: string): PlacedPool["backends"] {
    return this.#pools.get(pool)?.definition.backends ?? [];
  }

  /** One change after the other. @throws when it can't be served; what was served goes on. */
  async apply({ version, listeners, pools, routeTables, gone }: Difference): Promise<void> {
    const prepared: Prepared = { listeners: new Map(), opened: [], commits: [] };
    for (const definition of pools) this.#preparePool(definition, prepared);
    for (const name of gone.pools) this.#prepareLeave(name, prepared);
    try {
      for (const table of routeTables) await this.#prepareTable(table, new Set(namesOf(pools)), prepared);
      if (listeners.length > 0) await this.#prepareListeners(listeners, new Set(namesOf(pools)), prepared);
    } catch (error) {
      for (const server of prepared.opened) server.close();
      throw error;
    }
    const changed = [...gone.listeners, ...prepared.listeners.keys()];
    const before = changed.flatMap((name) => this.#listeners.get(name) ?? []);
    for (const { served } of before) this.#retire(served);
    for (const commit of prepared.commits) commit();
    for (const name of gone.listeners) this.#listeners.delete(name);
    for (const name of gone.routeTables) {
      this.#tables.delete(name);
      this.#ofTables.delete(name);
      this.#guardsOf.delete(name);
    }
    this.#memory.guards.keep(new Set([...this.#guardsOf.values()].flat()));
    for (const [name, open] of prepared.listeners) this.#listeners.set(name, open);
    const kept = new Set(prepared.listeners.values());
    for (const open of before) if (!kept.has(open)) close(open.servers);
    if (changed.length > 0 || gone.routeTables.length > 0) this.#forgetShortest();
    this.#version = version;
  }

  /** Every connection that was accepted before this version has a backend, or has ended. */
  get settled(): number {
    return Math.min(this.#version, ...this.#retired.values());
  }

  listener(name: string): ServedListener | undefined {
    return this.#listeners.get(name)?.served;
  }

  listenerAt(address: string): ServedListener | undefined {
    for (const { served } of this.#listeners.values())
      if (served.definition.addresses.some((own) => formatAddress(own) === address)) return served;
    return undefined;
  }

  /** Of each pool that is served, by its name. */
  get pools(): ReadonlyMap<string, ServedPool> {
    return this.#pools;
  }

  /** Stops accepting on every listener. */
  close(): void {
    for (const open of this.#listeners.values()) close(open.servers);
  }

  /** The shortest timeout of all listeners and pools, in milliseconds. */
  get shortestTimeout(): number {
    if (this.#shortest === undefined) {
      const pools = [...this.#pools.values()].map(({ definition }) => shortestOfPool(definition));
      const listeners = [...this.#listeners.values()].map(({ served }) =>
        shortestOfListener(served.definition),
      );
      this.#shortest = Math.min(...pools, ...listeners, ...this.#ofTables.values());
    }
    return this.#shortest;
  }

  /** No connection is accepted under it any more. */
  #retire(served: ServedListener): void {
    if (served.undecided === 0) return;
    this.#retired.set(served, this.#version);
    served.onDecided = () => {
      const before = this.settled;
      this.#retired.delete(served);
      if (this.settled > before) this.#onSettled();
    };
  }

  /** A timeout may be another, or gone. */
  readonly #forgetShortest = (): void => {
    this.#shortest = undefined;
  };

  #preparePool(definition: PlacedPool, { commits }: Prepared): void {
    const { name } = definition;
    const pool = this.#pools.get(name);
    if (pool !== undefined) {
      if (shortestOfPool(pool.definition) !== shortestOfPool(definition)) commits.push(this.#forgetShortest);
      commits.push(pool.prepare(definition));
      return;
    }
    const added = new ServedPool(definition, this.#memory);
    commits.push(this.#forgetShortest, () => this.#pools.set(name, added));
  }

  /** @param added pools of the same change. */
  async #prepareTable(
    table: PlacedRouteTable,
    added: ReadonlySet<string>,
    { commits }: Prepared,
  ): Promise<void> {
    for (const pool of poolsOfTable(table))
      if (!this.#pools.has(pool) && !added.has(pool))
        throw new Error(`routes send requests to pool ${pool}, which is not served`);
    const compiled = await indexTable(table);
    const waits = table.guards.flatMap((guard) =>
      guard.kind === "forward" || guard.kind === "process" ? [guard.timeout] : [],
    );
    const shortest = Math.min(...waits, ...[...routesOf(table)].map(shortestOfRoute));
    for (const guard of table.guards) commits.push(this.#memory.guards.prepare(guard));
    commits.push(this.#forgetShortest, () => {
      this.#tables.set(table.name, compiled);
      this.#guardsOf.set(table.name, namesOf(table.guards));
      this.#ofTables.set(table.name, shortest);
    });
  }

  /** Requests that still wait for a backend of it are told that there is none. */
  #prepareLeave(name: string, { commits }: Prepared): void {
    const pool = this.#pools.get(name);
    if (pool === undefined) return;
    const empty = pool.prepare({ ...pool.definition, backends: [] });
    commits.push(this.#forgetShortest, () => this.#pools.delete(name), empty);
  }

  /**
   * Sockets on the same addresses stay open, whatever their listener is called: what waits in them to be accepted is not lost.
   * @param added pools of the same change.
   */
  async #prepareListeners(
    definitions: readonly PlacedListener[],
    added: ReadonlySet<string>,
    prepared: Prepared,
  ): Promise<void> {
    const sockets = new Map(
      [...this.#listeners.values()].map((open) => [placeOf(open.served.definition), open]),
    );
    for (const definition of definitions) {
      for (const pool of poolsOf(definition.chains))
        if (!this.#pools.has(pool) && !added.has(pool))
          throw new Error(`listener ${definition.name} sends sessions to pool ${pool}, which is not served`);
      const before = this.#listeners.get(definition.name)?.served;
      const served = new ServedListener(definition, this.#served, this.#memory.worker.index + 1, before);
      const open = sockets.get(placeOf(definition));
      if (open === undefined) {
        prepared.listeners.set(definition.name, await this.#open(served, prepared.opened));
        continue;
      }
      prepared.listeners.set(definition.name, open);
      const { bind, socket } = definition;
      if (bind.kind === "unix" && socket !== undefined && open.servers.length > 0)
        setSocketRights(bind.path, socket);
      prepared.commits.push(() => {
        open.served = served;
      });
    }
  }

  async #open(served: ServedListener, opened: Server[]): Promise<OpenListener> {
    const open: OpenListener = { served, servers: [] };
    const { definition } = served;
    if (!this.#accepts(definition)) return open;
    const accept = (socket: Socket): void => this.#onConnection(open.served, socket);
    const mayMove = definition.accept === "shared-port" && this.#memory.worker.count > 1;
    const rights = (): SocketRights | undefined => open.served.definition.socket;
    const taken = new Map(definition.addresses.map((address) => [address, this.#takenAt(address, accept)]));
    const addresses = definition.addresses.filter((address) => taken.get(address)!.length === 0);
    const missing = { ...definition, addresses };
    const own = await openServers(missing, accept, this.#onServerError, mayMove, rights);
    open.servers = [...[...taken.values()].flat(), ...own];
    opened.push(...open.servers);
    // With addresses that need no look-up, that takes no turn of the event loop: nobody is accepted before the commit.
    return open;
  }

  #takenAt(address: SocketAddress, accept: (socket: Socket) => void): readonly Server[] {
    const servers = this.#taken.adopt(formatAddress(canonicalAddress(address)), accept);
    for (const server of servers) server.on("error", this.#onServerError);
    return servers;
  }

  /** The listening sockets of TCP that the kernel spreads connections over. */
  get sockets(): readonly ListeningSocket[] {
    return [...this.#listeners.values()].flatMap(({ served: { definition }, servers }) =>
      definition.accept === "shared-port"
        ? servers.flatMap((server) => socketsOf(definition.name, server))
        : [],
    );
  }

  /** An address that only one worker can have stays with that one, whatever its listener is called. */
  #accepts({ accept, addresses: [first] }: PlacedListener): boolean {
    const { index, count } = this.#memory.worker;
    if (accept === "one-worker") return (hashString(formatAddress(first!), 0) >>> 0) % count === index;
    return accept === "shared-port";
  }
}

function shortestOfPool({
  connect,
  queue,
  maxConnectionsPerBackend,
  maxConnections,
  http,
}: PlacedPool): number {
  const queues = [maxConnectionsPerBackend, maxConnections, http.maxRequestsPerBackend].some(
    (most) => most !== undefined,
  );
  return queues ? Math.min(connect.timeout, queue.timeout) : connect.timeout;
}

function shortestOfListener({ timeouts, chains, detect }: PlacedListener): number {
  const ofChains = chains.map((chain) => Math.min(...Object.values(chain.timeouts), shortestOfServe(chain)));
  return Math.min(timeouts.handshake, ...ofChains, detect ? detectTimeout : Number.POSITIVE_INFINITY);
}

function shortestOfServe({ serve }: Chain): number {
  if (serve.kind !== "http") return Number.POSITIVE_INFINITY;
  return Math.min(...Object.values(serve.front.timeouts));
}

const shortestOfRoute = ({ timeouts }: HttpRoute): number =>
  Math.min(
    timeouts.firstByte,
    timeouts.try ?? Number.POSITIVE_INFINITY,
    timeouts.request ?? Number.POSITIVE_INFINITY,
    timeouts.idle ?? Number.POSITIVE_INFINITY,
  );

const namesOf = (things: readonly { readonly name: string }[]): readonly string[] =>
  things.map(({ name }) => name);

/** Where a listener's sockets are, as text. */
const placeOf = ({ accept, addresses }: PlacedListener): string =>
  [accept, ...addresses.map(placeOfAddress)].join(" ");

const placeOfAddress = (address: SocketAddress): string =>
  formatAddress(address) + (address.kind === "tcp" && address.v6Only ? " without IPv4" : "");

function close(servers: readonly Server[]): void {
  for (const server of servers) server.close();
}

function socketsOf(listener: string, server: Server): ListeningSocket[] {
  const bound = server.address();
  const descriptor = descriptorOf(server);
  if (bound === null || typeof bound === "string" || descriptor === undefined) return [];
  const address = formatAddress(canonicalAddress({ kind: "tcp", host: bound.address, port: bound.port }));
  return [{ listener, address, descriptor }];
}
