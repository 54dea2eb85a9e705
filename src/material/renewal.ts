import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import { FileWatch, stampOf } from "../lib/watch-files.ts";
import type { Guard } from "../model/http/guard.ts";
import { pagesIn } from "../model/http/pages.ts";
import type { ListenerTls } from "../model/listener.ts";
import type { Model } from "../model/model.ts";
import { guardFiles, renewGuard } from "./guards.ts";
import { pagePart } from "./pages.ts";
import {
  listenerFiles,
  type Part,
  type PoolMaterial,
  poolFiles,
  type RenewPart,
  renewListener,
  renewPool,
} from "./parts.ts";

/** Time that a writer has to finish, in milliseconds. */
const settle = 200;
/** A fault may be half a change: it counts when it is still there after this time, in milliseconds. */
const patience = 1000;
/** Time between two looks, for file systems that don't report changes, in milliseconds. */
const poll = 60_000;

/** How often the files of a listener, a pool or a guard, or a page, were renewed, and how often they could not be used. */
export interface ReloadCounts {
  applied: number;
  failed: number;
}

/** Values of listeners, of pools and of guards, by name, and of pages, by their files. */
export interface ByName<L, P, G, F> {
  readonly listeners: ReadonlyMap<string, L>;
  readonly pools: ReadonlyMap<string, P>;
  readonly guards: ReadonlyMap<string, G>;
  readonly pages: ReadonlyMap<string, F>;
}

/** How often the files of all of them were renewed. */
export type CountsOfAll = ByName<ReloadCounts, ReloadCounts, ReloadCounts, ReloadCounts>;

/** The material of all listeners and pools, whole guards, and pages. */
export type MaterialOfAll = ByName<readonly ListenerTls[], PoolMaterial, Guard, Uint8Array>;

type Kind = "listener" | "pool" | "guard" | "page";

/** The listener, pool or guard that a part belongs to, or the page that it is. */
interface Owner {
  readonly kind: Kind;
  readonly name: string;
}

/** The state of a part's files. */
interface Watched {
  /** The stamp of the files when they were last good. */
  stamp: string;
  /** The fault of the files at the last look. */
  problem: string | undefined;
  /** Begin of the fault, by performance.now(). */
  since: number;
  /** The last logged fault. */
  said: string | undefined;
}

/**
 * Takes changed certificates, keys, CAs, revocation lists, ticket keys, files of guards and pages into service. A file that can't be used is
 * logged and counted, and the old one stays in service.
 */
export class Renewal {
  readonly counts: CountsOfAll;
  readonly #listeners: Map<string, readonly ListenerTls[]>;
  readonly #pools: Map<string, PoolMaterial>;
  readonly #guards: Map<string, Guard>;
  readonly #pages: Map<string, Uint8Array>;
  readonly #onRenewed: (renewed: MaterialOfAll) => void;
  readonly #logger: Logger;
  readonly #watched = new Map<string, Watched>();
  readonly #watch: FileWatch;
  #stopped = false;

  /** @param onRenewed gets the changed material. @param before counts that go on. */
  constructor(
    { listeners, pools, routeTables }: Pick<Model, "listeners" | "pools" | "routeTables">,
    onRenewed: (renewed: MaterialOfAll) => void,
    logger: Logger,
    before: CountsOfAll,
  ) {
    this.#onRenewed = onRenewed;
    this.#logger = logger;
    this.#listeners = new Map(listeners.flatMap(({ name, tls }) => (tls.length === 0 ? [] : [[name, tls]])));
    this.#pools = new Map(
      pools
        .filter((pool) => poolFiles(pool).length > 0)
        .map(({ name, tls, transports, health }) => [
          name,
          { tls, health, ...(transports !== undefined && { transports }) },
        ]),
    );
    this.#guards = new Map(
      routeTables
        .flatMap(({ guards }) => guards)
        .filter((guard) => guardFiles(guard).length > 0)
        .map((guard) => [guard.name, guard]),
    );
    this.#pages = pagesIn(listeners, routeTables);
    this.counts = {
      listeners: countsOf(this.#listeners, before.listeners),
      pools: countsOf(this.#pools, before.pools),
      guards: countsOf(this.#guards, before.guards),
      pages: countsOf(this.#pages, before.pages),
    };
    const onBlind = (error: NodeJS.ErrnoException): void =>
      logger.warn({ err: error }, `a folder can't be watched; it is looked at every ${poll / 1000} s`);
    this.#watch = new FileWatch(
      () => [
        ...[...this.#listeners.values()].flatMap(listenerFiles),
        ...[...this.#pools.values()].flatMap(poolFiles),
        ...[...this.#guards.values()].flatMap(guardFiles),
        ...this.#pages.keys(),
      ],
      () => this.#look(),
      { settle, poll, onBlind },
    );
  }

  /** Stops all renewal, that of files included that are being read now. */
  stop(): void {
    this.#stopped = true;
    this.#watch.stop();
  }

  async #look(): Promise<void> {
    try {
      const listeners = await this.#renewed("listener", this.#listeners, renewListener);
      const pools = await this.#renewed("pool", this.#pools, renewPool);
      const guards = await this.#renewed("guard", this.#guards, renewGuard);
      const pages = await this.#renewed("page", this.#pages, (old, renew, file) =>
        renew(pagePart(file, old)),
      );
      if (this.#stopped || listeners.size + pools.size + guards.size + pages.size === 0) return;
      commit(listeners, this.#listeners, this.counts.listeners);
      commit(pools, this.#pools, this.counts.pools);
      commit(guards, this.#guards, this.counts.guards);
      commit(pages, this.#pages, this.counts.pages);
      this.#onRenewed({ listeners, pools, guards, pages });
    } catch (error) {
      this.#logger.error({ err: error }, "renewing files failed: this is a defect of umay");
    }
  }

  /** @returns the changed ones of a kind. */
  async #renewed<T>(
    kind: Kind,
    served: ReadonlyMap<string, T>,
    renew: (old: T, part: RenewPart, name: string) => Promise<T>,
  ): Promise<ReadonlyMap<string, T>> {
    const changed = new Map<string, T>();
    for (const [name, old] of served) {
      const renewed = await renew(old, this.#partsOf({ kind, name }), name);
      if (renewed !== old) changed.set(name, renewed);
    }
    return changed;
  }

  /** Parts of one kind with the same files are read once and share the result: checks often use their pool's files. */
  #partsOf(owner: Owner): RenewPart {
    const looked = new Map<string, unknown>();
    return async <T>(part: Part<T>) => {
      if (part.files.length === 0) return part.old;
      const key = JSON.stringify([owner, part.kind, part.files]);
      if (!looked.has(key)) looked.set(key, await this.#part(owner, key, part));
      const now = looked.get(key) as T;
      return isDeepStrictEqual(now, part.old) ? part.old : now;
    };
  }

  /** The part's present value; the old one where nothing changed, or where the files can't be used. */
  async #part<T>(owner: Owner, key: string, { files, old, renew, tell }: Part<T>): Promise<T> {
    const watched = this.#watched.get(key) ?? { stamp: "", problem: undefined, since: 0, said: undefined };
    this.#watched.set(key, watched);
    const named = { [owner.kind]: owner.name };
    const stamp = (await Promise.all(files.map(stampOf))).join();
    if (stamp === watched.stamp && watched.problem === undefined) return old;
    const renewed = await renew();
    if ("problem" in renewed) {
      this.#complain(owner, watched, renewed.problem);
      return old;
    }
    Object.assign(watched, { stamp, problem: undefined, said: undefined });
    for (const warning of renewed.warnings) this.#logger.warn(named, warning);
    if (renewed.value !== old) {
      const [fields, message] = tell(renewed.value);
      this.#logger.info({ ...named, ...fields }, message);
    }
    return renewed.value;
  }

  /** Logs a fault once, when it has lasted long enough. */
  #complain({ kind, name }: Owner, watched: Watched, problem: string): void {
    const now = performance.now();
    if (watched.problem !== problem) Object.assign(watched, { problem, since: now });
    if (watched.said === problem) return;
    const left = watched.since + patience - now;
    if (left > 0) {
      this.#watch.lookAgain(left);
      return;
    }
    watched.said = problem;
    this.counts[`${kind}s`].get(name)!.failed++;
    this.#logger.error(
      { [kind]: name },
      `a renewed file can't be used, and what was served before is served on: ${problem}`,
    );
  }
}

function commit<T>(
  changed: ReadonlyMap<string, T>,
  served: Map<string, T>,
  counts: ReadonlyMap<string, ReloadCounts>,
): void {
  for (const [name, renewed] of changed) {
    served.set(name, renewed);
    counts.get(name)!.applied++;
  }
}

function countsOf(
  names: ReadonlyMap<string, unknown>,
  before: ReadonlyMap<string, ReloadCounts>,
): ReadonlyMap<string, ReloadCounts> {
  return new Map([...names.keys()].map((name) => [name, before.get(name) ?? { applied: 0, failed: 0 }]));
}
