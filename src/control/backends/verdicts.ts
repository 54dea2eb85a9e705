import { ringNews } from "../../channel/bells.ts";
import { backendFlag, type SharedMemory } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { Logger } from "../../observe/logger.ts";
import type { ManagedPool } from "../state/managed-pool.ts";
import type { SlowStarts } from "./slow-start.ts";

export type Mark = "down" | "ejected";

const unhealthy = backendFlag.down | backendFlag.ejected;
const notServing = unhealthy | backendFlag.draining;

/**
 * Writes what is found out about backends to where the pickers of all workers see it, and fails open: where too few
 * backends of the tier in use are healthy, all of it may be picked.
 */
export class Verdicts {
  readonly #shared: SharedMemory;
  readonly #logger: Logger;
  readonly #slowStarts: SlowStarts;

  constructor(shared: SharedMemory, logger: Logger, slowStarts: SlowStarts) {
    this.#shared = shared;
    this.#slowStarts = slowStarts;
    this.#logger = logger;
  }

  has(backend: PlacedBackend, mark: Mark | "checking"): boolean {
    return (this.#flags(backend) & backendFlag[mark]) !== 0;
  }

  /** Neither down, nor ejected, nor draining. */
  healthy(backend: PlacedBackend): boolean {
    return (this.#flags(backend) & notServing) === 0;
  }

  /** Sets or clears a mark; `trusted` follows in the same step, so that there is no moment without a backend. */
  mark(pool: ManagedPool, backend: PlacedBackend, mark: Mark, on: boolean): void {
    const flags = this.#flags(backend);
    this.#publish(pool, backend, on ? flags | backendFlag[mark] : flags & ~backendFlag[mark]);
  }

  /** That nothing is known of a backend yet says nothing against it, so whether to fail open does not depend on it. */
  setChecking({ placed }: ManagedPool, { slot }: PlacedBackend, on: boolean): void {
    if (on) Atomics.or(this.#shared.backendFlags, slot, backendFlag.checking);
    else Atomics.and(this.#shared.backendFlags, slot, ~backendFlag.checking);
    ringNews(this.#shared, placed.slot);
  }

  /** Decides anew whether to fail open: the set of backends, which of them drain, or the threshold, is another. */
  refresh(pool: ManagedPool): void {
    this.#publish(pool, undefined, 0);
  }

  /** @param changed the backend that gets `its` flags; the others keep theirs. */
  #publish(pool: ManagedPool, changed: PlacedBackend | undefined, its: number): void {
    const flagsOf = (backend: PlacedBackend): number =>
      backend.slot === changed?.slot ? its : this.#flags(backend);
    const { backends, slot } = pool.placed;
    const tier = findPanic(backends, flagsOf, pool.config.health.panicThreshold);
    // Before any picker may see that it is back. While health is ignored, most others are worse.
    if (changed !== undefined && !this.healthy(changed) && (its & notServing) === 0 && tier === undefined)
      this.#slowStarts.begin(
        pool,
        changed,
        backends.filter((backend) => this.healthy(backend)),
      );
    let different = false;
    for (const backend of backends) {
      const others = flagsOf(backend) & ~backendFlag.trusted;
      const trusted = tier === backend.tier;
      const flags = trusted ? others | backendFlag.trusted : others;
      if (flags === this.#flags(backend)) continue;
      Atomics.store(this.#shared.backendFlags, backend.slot, flags);
      different = true;
    }
    if (different) ringNews(this.#shared, slot);
    this.#tell(pool, tier);
  }

  #tell(pool: ManagedPool, tier: number | undefined): void {
    const before = pool.panic;
    if (tier === before) return;
    pool.panic = tier;
    const { panicThreshold } = pool.config.health;
    const fields = { pool: pool.name, tier: tier ?? before, panic_threshold: panicThreshold };
    if (tier === undefined) this.#logger.info(fields, "enough backends are up again; health counts again");
    else this.#logger.warn(fields, "too few backends are up; health is ignored and all of them are tried");
  }

  #flags({ slot }: PlacedBackend): number {
    return Atomics.load(this.#shared.backendFlags, slot);
  }
}

/**
 * Which tier fails open. In use is the lowest with a healthy backend; where none is healthy, it is the lowest of all.
 * Backends that drain count nowhere.
 */
function findPanic(
  backends: readonly PlacedBackend[],
  flagsOf: (backend: PlacedBackend) => number,
  threshold: number,
): number | undefined {
  const all: number[] = [];
  const healthy: number[] = [];
  for (const backend of backends) {
    const flags = flagsOf(backend);
    if (flags & backendFlag.draining) continue;
    all[backend.tier] = (all[backend.tier] ?? 0) + 1;
    if ((flags & unhealthy) === 0) healthy[backend.tier] = (healthy[backend.tier] ?? 0) + 1;
  }
  const first = (counts: readonly number[]): number => counts.findIndex((count) => count > 0);
  const inUse = healthy.length > 0 ? first(healthy) : first(all);
  if (inUse === -1) return undefined;
  return (healthy[inUse] ?? 0) * 100 < all[inUse]! * threshold ? inUse : undefined;
}
