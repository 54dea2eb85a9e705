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

  constructor(surroundings: DrainSurroundings) {
    const { timers = systemTimers } = surroundings;
    this.#with = surroundings;
    this.#byHand = new Deadlines(timers);
    this.#removed = new Deadlines(timers);
  }

  /**
   * A backend gets no new sessions.
   * @param time after which its sessions are ended, in milliseconds; undefined: they go on to their end. It replaces that
   * of an earlier drain.
   * @returns what to say where there is no such backend.
   */
  drain(pool: string, address: string, time: number | undefined): Result<DrainAnswer, string> {
    const { store, logger } = this.#with;
    const unknown = this.#unknown(pool, address);
    if (unknown !== undefined) return err(unknown);
    store.setDrained(pool, address, true);
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
      if (removal === undefined) this.#removed.clear(name);
      else if (!this.#removed.has(name))
        this.#removed.set(name, removal, () => this.#vacate(pool.name, backend.address));
    }
    for (const pool of pools)
      for (const { address } of store.pool(pool)?.placed.backends ?? [])
        this.#removed.clear(backendKey(pool, address));
  }

  /** Backends that left have no sessions any more. */
  forget(gone: readonly LeavingBackend[]): void {
    for (const { pool, backend } of gone) this.#removed.clear(backendKey(pool.name, backend.address));
  }

  /**
   * By whom a backend is drained, and the milliseconds until its sessions are ended, if they are.
   * @returns undefined for a backend that gets new sessions.
   */
  backend(
    pool: string,
    address: string,
  ): { readonly by: "hand" | "discovery"; readonly left: number | undefined } | undefined {
    const { store } = this.#with;
    const drained = store.isDrained(pool, address);
    if (!drained && !store.isLeaving(pool, address)) return undefined;
    const name = backendKey(pool, address);
    const left = Math.min(this.#byHand.left(name), this.#removed.left(name));
    return { by: drained ? "hand" : "discovery", left: Number.isFinite(left) ? left : undefined };
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
    if (backend === undefined || connections === 0) return;
    const why = store.isDrained(pool, address) ? "drained by hand" : "no longer in the pool";
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
