import type { CounterMemory } from "../../channel/counters.ts";
import { mayBePicked, type SharedMemory } from "../../channel/memory.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { didYouMean } from "../../lib/suggest.ts";
import type { BackendState, PlacedBackend } from "../../model/backend.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import type { Logger } from "../../observe/logger.ts";
import { backendKey } from "../state/backend-places.ts";
import { backendState, openToBackend } from "../state/counts.ts";
import type { Store } from "../state/store.ts";
import type { LeavingBackend, Touches } from "../state/touched.ts";
import { systemTimers, type Timers } from "../timers.ts";
import type { Supervisor } from "../workers/supervisor.ts";
import { Deadlines } from "./deadlines.ts";
import type { HealthMonitor } from "./health.ts";
import type { Standing } from "./standing.ts";

/** A backend after it was drained or undrained, as the admin server tells it. */
export interface DrainAnswer {
  readonly pool: string;
  readonly backend: string;
  readonly state: BackendState;
  /** Open, or being established. */
  readonly connections: number;
  /** When these are closed; null: they go on to their end. */
  readonly deadline_seconds: number | null;
  readonly warnings: readonly string[];
}

/** Why a backend is not drained. */
export interface DrainRefusal {
  /** There is no such backend, or no other one is healthy. */
  readonly kind: "unknown" | "last";
  readonly message: string;
}

/** Why a backend gets no new sessions, and until when the open ones may go on. */
export interface Draining extends Standing {
  readonly by: "hand" | "discovery";
}

/** The parts of the control plane that a drain works on. */
export interface DrainSurroundings {
  readonly store: Store;
  readonly health: Pick<HealthMonitor, "returns" | "refresh">;
  readonly supervisor: Pick<Supervisor, "vacate">;
  readonly shared: SharedMemory;
  readonly memories: readonly CounterMemory[];
  readonly logger: Logger;
  readonly timers?: Timers;
}

/**
 * Backends that are to get no new sessions: drained by hand, which sticks to the address until it is undrained or umay
 * ends, or no longer in their pool. Their sessions go on, to their end or to a deadline.
 */
export class BackendDrains {
  readonly #with: DrainSurroundings;
  readonly #byHand: Deadlines;
  readonly #removed: Deadlines;
  /** When each drain by hand, and each removal, began. */
  readonly #drainedAt = new Map<string, number>();
  readonly #removedAt = new Map<string, number>();
  readonly #timers: Timers;

  constructor(surroundings: DrainSurroundings) {
    const { timers = systemTimers } = surroundings;
    this.#with = surroundings;
    this.#timers = timers;
    this.#byHand = new Deadlines(timers);
    this.#removed = new Deadlines(timers);
  }

  /**
   * A backend gets no new sessions.
   * @param time after which its sessions are ended, in milliseconds; undefined: they go on to their end. It replaces that
   * of an earlier drain.
   * @param force whether it may be the last healthy backend of its pool.
   * @returns what to say where there is no such backend, or where it is the last one.
   */
  drain(
    pool: string,
    address: string,
    time: number | undefined,
    force: boolean,
  ): Result<DrainAnswer, DrainRefusal> {
    const { store, logger } = this.#with;
    const unknown = this.#unknown(pool, address);
    if (unknown !== undefined) return err({ kind: "unknown", message: unknown });
    if (!force && this.#isLastHealthy(pool, address))
      return err({
        kind: "last",
        message: `${address} is the last healthy backend of pool ${pool}: without it, new sessions are refused; let another one serve first, or use --force (?force=true)`,
      });
    store.setDrained(pool, address, true);
    const name = backendKey(pool, address);
    this.#drainedAt.set(name, this.#drainedAt.get(name) ?? this.#timers.now());
    this.#with.health.refresh(pool);
    if (time === undefined) this.#byHand.clear(backendKey(pool, address));
    else this.#byHand.set(backendKey(pool, address), time, () => this.#vacate(pool, address));
    const served = store.pool(pool);
    const warnings =
      served === undefined || this.#mayPickAny(served.placed)
        ? []
        : [`no backend of pool ${pool} may be picked any more: its new sessions are refused`];
    const answer = this.#answer(pool, address, warnings);
    const fields = { pool, backend: address, connections: answer.connections, deadline_ms: time };
    logger.info(fields, "backend is drained by hand");
    for (const warning of warnings) logger.warn({ pool }, warning);
    return ok(answer);
  }

  /** Lets new sessions come again. @returns what to say where there is no such backend. */
  undrain(pool: string, address: string): Result<DrainAnswer, string> {
    const { store, logger } = this.#with;
    const drained = store.isDrained(pool, address);
    const unknown = this.#unknown(pool, address);
    if (unknown !== undefined) return err(unknown);
    if (drained) this.#with.health.returns(pool, address);
    store.setDrained(pool, address, false);
    this.#with.health.refresh(pool);
    this.#byHand.clear(backendKey(pool, address));
    this.#drainedAt.delete(backendKey(pool, address));
    if (drained) logger.info({ pool, backend: address }, "backend is no longer drained by hand");
    const here = store.find(pool, address) !== undefined && !store.isLeaving(pool, address);
    return ok(
      this.#answer(pool, address, [
        ...(drained ? [] : ["it was not drained by hand"]),
        ...(here ? [] : ["discovery does not find it now; it gets no sessions until it does"]),
      ]),
    );
  }

  /** Backends have left their pools, which gives them their time; those that are in their pools again are rid of it. */
  follow({ pools, left }: Pick<Touches, "pools" | "left">): void {
    const { store } = this.#with;
    for (const { pool, backend } of left) {
      const name = backendKey(pool.name, backend.address);
      const { removal } = pool.config;
      if (!this.#removedAt.has(name)) this.#removedAt.set(name, this.#timers.now());
      if (removal === undefined) this.#removed.clear(name);
      else if (!this.#removed.has(name))
        this.#removed.set(name, removal, () => this.#vacate(pool.name, backend.address));
    }
    // Of ten thousand pools few have one that left.
    if (this.#removedAt.size > 0)
      for (const pool of pools)
        for (const { address } of store.pool(pool)?.placed.backends ?? [])
          this.#isBack(backendKey(pool, address));
  }

  /** Backends that left have no sessions any more. */
  forget(gone: readonly LeavingBackend[]): void {
    for (const { pool, backend } of gone) this.#isBack(backendKey(pool.name, backend.address));
  }

  #isBack(name: string): void {
    this.#removed.clear(name);
    this.#removedAt.delete(name);
  }

  /** The origin of a backend's drain, and how long its sessions still have; undefined for one that gets new ones. */
  backend(pool: string, address: string): Draining | undefined {
    const { store } = this.#with;
    const drained = store.isDrained(pool, address);
    if (!drained && !store.isLeaving(pool, address)) return undefined;
    const name = backendKey(pool, address);
    const left = Math.min(this.#byHand.left(name), this.#removed.left(name));
    const now = this.#timers.now();
    const since = (drained ? this.#drainedAt : this.#removedAt).get(name) ?? now;
    return {
      by: drained ? "hand" : "discovery",
      cause: drained ? "drained by hand" : "discovery does not find it any more",
      age: now - since,
      left: Number.isFinite(left) ? left : undefined,
    };
  }

  /** Nothing is ended any more. */
  stop(): void {
    this.#byHand.clearAll();
    this.#removed.clearAll();
  }

  #vacate(pool: string, address: string): void {
    const { store, memories, logger, supervisor } = this.#with;
    const backend = store.find(pool, address);
    const connections = backend === undefined ? 0 : openToBackend(memories, backend);
    // Sessions whose place was given back do not count. Of a backend that has left, the slot may be another's then.
    if (backend === undefined || (connections === 0 && store.isLeaving(pool, address))) return;
    const why = store.isDrained(pool, address) ? "drained by hand" : "no longer in the pool";
    if (connections > 0)
      logger.warn(
        { pool, backend: address, connections, why },
        "the time of a backend that drains is over; what is still open on it is reset",
      );
    supervisor.vacate(backend.slot);
  }

  #answer(pool: string, address: string, warnings: readonly string[]): DrainAnswer {
    const { store, shared, memories } = this.#with;
    const placed = store.find(pool, address);
    const left = this.backend(pool, address)?.left;
    return {
      pool,
      backend: address,
      state: placed === undefined ? "draining" : backendState(shared, placed),
      connections: placed === undefined ? 0 : openToBackend(memories, placed),
      deadline_seconds: left === undefined ? null : Math.round(left) / 1000,
      warnings,
    };
  }

  /** Whether it is healthy and no other backend of its pool is. */
  #isLastHealthy(pool: string, address: string): boolean {
    const { store, shared } = this.#with;
    const backends = store.pool(pool)?.placed.backends ?? [];
    const healthy = backends.filter((backend) => backendState(shared, backend) === "up");
    return healthy.length === 1 && healthy[0]!.address === address;
  }

  #mayPickAny({ backends }: PlacedPool): boolean {
    const flags = ({ slot }: PlacedBackend): number => Atomics.load(this.#with.shared.backendFlags, slot);
    return backends.some((backend) => mayBePicked(flags(backend)));
  }

  /** The mistake in the names; undefined where there is such a backend, or one that was drained and is gone now. */
  #unknown(pool: string, address: string): string | undefined {
    const { store } = this.#with;
    const { pools } = store.observed;
    const names = pools.map(({ name }) => name);
    const found = pools.find(({ name }) => name === pool);
    if (found === undefined) return complain(`no pool is named ${pool}; pools are`, pool, names);
    if (store.isDrained(pool, address) || store.find(pool, address) !== undefined) return undefined;
    const addresses = found.backends.map((backend) => backend.address);
    return complain(`pool ${pool} has no backend ${address}; it has`, address, addresses);
  }
}

const mostNames = 10;

function complain(sentence: string, word: string, candidates: readonly string[]): string {
  const some = candidates.slice(0, mostNames).join(", ") || "none";
  const more = candidates.length > mostNames ? ` and ${candidates.length - mostNames} more` : "";
  const hint = didYouMean(word, candidates);
  return `${sentence} ${some}${more}${hint === undefined ? "" : `; ${hint}`}`;
}
