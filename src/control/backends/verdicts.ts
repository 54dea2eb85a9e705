import { isDeepStrictEqual } from "node:util";
import { ringNews } from "../../channel/bells.ts";
import { backendFlag, type SharedMemory } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { Pool } from "../../model/pool.ts";
import type { Logger } from "../../observe/logger.ts";
import type { ManagedPool } from "../state/managed-pool.ts";
import type { SlowStarts } from "./slow-start.ts";

export type Mark = "down" | "ejected";

const unhealthy = backendFlag.down | backendFlag.ejected | backendFlag.unfit;
const notServing = unhealthy | backendFlag.draining;

/**
 * Writes what is found out about backends to where the pickers of all workers see it, and fails open: where too few
 * backends of a tier that is in use are healthy, all of it may be picked.
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

  has(backend: PlacedBackend, mark: Mark | "checking" | "unfit"): boolean {
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
    const flagsOf = (backend: PlacedBackend): number => {
      const flags = backend.slot === changed?.slot ? its : this.#flags(backend);
      return backend.unfit ? flags | backendFlag.unfit : flags & ~backendFlag.unfit;
    };
    const { backends, slot } = pool.placed;
    const panic = findPanic(countTiers(backends, flagsOf), pool.config);
    // Before any picker may see that it is back. While health is ignored, most others are worse.
    if (changed !== undefined && !this.healthy(changed) && (its & notServing) === 0 && panic.length === 0)
      this.#slowStarts.begin(
        pool,
        changed,
        backends.filter((backend) => this.healthy(backend)),
      );
    let different = false;
    for (const backend of backends) {
      const others = flagsOf(backend) & ~backendFlag.trusted;
      const trusted = panic.includes(backend.tier);
      const flags = trusted ? others | backendFlag.trusted : others;
      if (flags === this.#flags(backend)) continue;
      Atomics.store(this.#shared.backendFlags, backend.slot, flags);
      different = true;
    }
    if (different) ringNews(this.#shared, slot);
    this.#tell(pool, panic);
  }

  #tell(pool: ManagedPool, panic: readonly number[]): void {
    const before = pool.panic;
    if (isDeepStrictEqual(panic, before)) return;
    pool.panic = panic;
    const { panicThreshold } = pool.config.health;
    const tiers = panic.length === 0 ? before : panic;
    const fields = {
      pool: pool.name,
      tier: tiers.length === 1 ? tiers[0] : tiers.join(", "),
      panic_threshold: panicThreshold,
    };
    if (panic.length === 0) this.#logger.info(fields, "enough backends are up again; health counts again");
    else this.#logger.warn(fields, "too few backends are up; health is ignored and all of them are tried");
  }

  #flags({ slot }: PlacedBackend): number {
    return Atomics.load(this.#shared.backendFlags, slot);
  }
}

/** The backends of a tier. Those that drain count nowhere. */
interface TierCount {
  readonly tier: number;
  all: number;
  healthy: number;
}

function countTiers(
  backends: readonly PlacedBackend[],
  flagsOf: (backend: PlacedBackend) => number,
): readonly TierCount[] {
  const counts: (TierCount | undefined)[] = [];
  for (const backend of backends) {
    const flags = flagsOf(backend);
    if (flags & backendFlag.draining) continue;
    const count = counts[backend.tier] ?? { tier: backend.tier, all: 0, healthy: 0 };
    counts[backend.tier] = count;
    count.all++;
    if ((flags & unhealthy) === 0) count.healthy++;
  }
  return counts.filter((count) => count !== undefined);
}

/**
 * The tiers that fail open. In use is the lowest with a healthy backend; where none is healthy, it is the lowest of all. With
 * overprovisioning all tiers are in use, as Envoy's priorities: none fails open while they can bear the whole load together.
 */
function findPanic(
  tiers: readonly TierCount[],
  { health: { panicThreshold }, overprovisioning }: Pool,
): readonly number[] {
  const isFew = ({ all, healthy }: TierCount): boolean => healthy * 100 < all * panicThreshold;
  if (overprovisioning === undefined) {
    const inUse = tiers.find(({ healthy }) => healthy > 0) ?? tiers[0];
    return inUse !== undefined && isFew(inUse) ? [inUse.tier] : [];
  }
  const bearable = tiers.reduce(
    (sum, { all, healthy }) => sum + Math.min(100, Math.floor((healthy * overprovisioning) / all)),
    0,
  );
  return bearable >= 100 ? [] : tiers.filter(isFew).map(({ tier }) => tier);
}
