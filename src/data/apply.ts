import type { ListeningSocket } from "../channel/messages.ts";
import { formatAddress } from "../lib/address.ts";
import { loadRegexes } from "../lib/regex.ts";
import { filterUsesRegex } from "../model/access-log.ts";
import { type Chain, poolsOf } from "../model/chain.ts";
import { poolsOfTable } from "../model/http/route.ts";
import type { Difference, PlacedListener, PlacedPool, PlacedRouteTable } from "../model/snapshot.ts";
import { type ListeningWorker, OpenListener, placeOf } from "./accept/open-listener.ts";
import { type CompiledTable, indexTable } from "./decide/http/routing.ts";
import { ServedPool } from "./dispatch/pool.ts";
import type { ServedGuards } from "./guard/guards.ts";
import type { WorkerMemory } from "./pick/leases.ts";
import { type Served, ServedListener } from "./plane.ts";
import { shortestOfListener, shortestOfPool, shortestOfTable } from "./shortest-timeout.ts";

const logsByRegex = ({ serve }: Chain): boolean =>
  serve.kind === "http" &&
  (serve.front.logs ?? []).some(({ filter }) => filter !== undefined && filterUsesRegex(filter));

/** The parts of a change that are ready, before any of them is in place. */
interface Prepared {
  readonly listeners: Map<string, OpenListener<ServedListener>>;
  /** Those of them whose sockets had to be opened. */
  readonly opened: OpenListener<ServedListener>[];
  /** Functions that put it in place. None of them throws. */
  readonly commits: (() => void)[];
}

/** The memory of a worker, and what of it lives as long as itself. */
type ServingMemory = WorkerMemory & { readonly guards: ServedGuards };

/** The owner of the served state, who is told of it. */
export interface ServedEvents extends Omit<ListeningWorker<ServedListener>, "worker"> {
  /** {@link ServedState.settled} is a later version. */
  readonly onSettled: () => void;
}

/**
 * The state that a worker serves. A change is prepared completely (pickers, TLS contexts, sockets), then put in place in
 * one step; when anything fails, nothing has changed. Listeners and pools that a change does not name are not touched.
 */
export class ServedState {
  readonly #listeners = new Map<string, OpenListener<ServedListener>>();
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
  readonly #worker: ListeningWorker<ServedListener>;
  readonly #onSettled: () => void;

  constructor(memory: ServingMemory, { onSettled, ...events }: ServedEvents) {
    this.#memory = memory;
    this.#worker = { worker: memory.worker, ...events };
    this.#onSettled = onSettled;
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
      for (const open of prepared.opened) open.close();
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
    for (const open of before) if (!kept.has(open)) open.close();
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
  async leave(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((open) => open.leave()));
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
    const shortest = shortestOfTable(table);
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
    const sockets = new Map([...this.#listeners.values()].map((open) => [open.place, open]));
    for (const definition of definitions) {
      for (const pool of poolsOf(definition.chains))
        if (!this.#pools.has(pool) && !added.has(pool))
          throw new Error(`listener ${definition.name} sends sessions to pool ${pool}, which is not served`);
      // Its logs are compiled with the first of its requests.
      if (definition.chains.some(logsByRegex)) await loadRegexes();
      const before = this.#listeners.get(definition.name)?.served;
      const served = new ServedListener(definition, this.#served, this.#memory.worker.index + 1, before);
      const open = sockets.get(placeOf(definition));
      if (open === undefined) {
        const opened = await OpenListener.open(served, this.#worker);
        prepared.opened.push(opened);
        prepared.listeners.set(definition.name, opened);
        continue;
      }
      prepared.listeners.set(definition.name, open);
      open.setRights(definition);
      prepared.commits.push(() => {
        open.served = served;
      });
    }
  }

  /** The listening sockets of TCP that the kernel spreads connections over. */
  get sockets(): readonly ListeningSocket[] {
    return [...this.#listeners.values()].flatMap(({ sockets }) => sockets);
  }
}

const namesOf = (things: readonly { readonly name: string }[]): readonly string[] =>
  things.map(({ name }) => name);
