import { backendFlag, type SharedMemory } from "../channel/memory.ts";
import type { PlacedBackend } from "../model/backend.ts";
import type { PlacedPool } from "../model/snapshot.ts";
import type { Logger } from "../observe/logger.ts";

export type Mark = "down" | "ejected";

const unhealthy = backendFlag.down | backendFlag.ejected;

/** Backends that sessions go to in the same case: the primaries, or the backups. */
type Tier = "primaries" | "backups";

/**
 * Writes what is found out about backends to where the pickers of all workers see it, and fails open: where too few
 * backends of the tier in use are healthy, all of it may be picked.
 */
export class Verdicts {
  readonly #shared: SharedMemory;
  readonly #logger: Logger;
  /** By pool; only those that fail open. */
  readonly #panics = new Map<string, Tier>();

  constructor(shared: SharedMemory, logger: Logger) {
    this.#shared = shared;
    this.#logger = logger;
  }

  has(backend: PlacedBackend, mark: Mark): boolean {
    return (this.#flags(backend) & backendFlag[mark]) !== 0;
  }

  /** Neither down, nor ejected, nor draining. */
  healthy(backend: PlacedBackend): boolean {
    return (this.#flags(backend) & (unhealthy | backendFlag.draining)) === 0;
  }

  /** Whether health is ignored in a pool. */
  failsOpen(pool: string): boolean {
    return this.#panics.has(pool);
  }

  /** Forgets all other pools. */
  keepOnly(pools: ReadonlyMap<string, unknown>): void {
    for (const pool of this.#panics.keys()) if (!pools.has(pool)) this.#panics.delete(pool);
  }

  /** Sets or clears a mark; `trusted` follows in the same step, so that there is no moment without a backend. */
  mark(pool: PlacedPool, threshold: number, backend: PlacedBackend, mark: Mark, on: boolean): void {
    const flags = this.#flags(backend);
    this.#publish(pool, threshold, backend, on ? flags | backendFlag[mark] : flags & ~backendFlag[mark]);
  }

  /** Decides anew whether to fail open: the set of backends, or the threshold, is another. */
  refresh(pool: PlacedPool, threshold: number): void {
    this.#publish(pool, threshold, undefined, 0);
  }

  /** @param changed the backend that gets `its` flags; the others keep theirs. */
  #publish(pool: PlacedPool, threshold: number, changed: PlacedBackend | undefined, its: number): void {
    const flagsOf = (backend: PlacedBackend): number =>
      backend.slot === changed?.slot ? its : this.#flags(backend);
    const tier = findPanic(pool.backends, flagsOf, threshold);
    for (const backend of pool.backends) {
      const others = flagsOf(backend) & ~backendFlag.trusted;
      const trusted = tier === (backend.backup ? "backups" : "primaries");
      const flags = trusted ? others | backendFlag.trusted : others;
      if (flags !== this.#flags(backend)) Atomics.store(this.#shared.backendFlags, backend.slot, flags);
    }
    this.#tell(pool, tier, threshold);
  }

  #tell({ name }: PlacedPool, tier: Tier | undefined, threshold: number): void {
    const before = this.#panics.get(name);
    if (tier === before) return;
    if (tier === undefined) this.#panics.delete(name);
    else this.#panics.set(name, tier);
    const fields = { pool: name, tier: tier ?? before, panic_threshold: threshold };
    if (tier === undefined) this.#logger.info(fields, "enough backends are up again; health counts again");
    else this.#logger.warn(fields, "too few backends are up; health is ignored and all of them are tried");
  }

  #flags({ slot }: PlacedBackend): number {
    return Atomics.load(this.#shared.backendFlags, slot);
  }
}

/**
 * Which tier fails open. In use are the primaries while one of them is healthy, then the backups while one of those is;
 * where none is, it is the primaries again. Backends that drain count nowhere.
 */
function findPanic(
  backends: readonly PlacedBackend[],
  flagsOf: (backend: PlacedBackend) => number,
  threshold: number,
): Tier | undefined {
  const all = { primaries: 0, backups: 0 };
  const healthy = { primaries: 0, backups: 0 };
  for (const backend of backends) {
    const flags = flagsOf(backend);
    if (flags & backendFlag.draining) continue;
    const tier = backend.backup ? "backups" : "primaries";
    all[tier]++;
    if ((flags & unhealthy) === 0) healthy[tier]++;
  }
  const spare = healthy.primaries === 0 && (healthy.backups > 0 || all.primaries === 0);
  const inUse = spare ? "backups" : "primaries";
  return healthy[inUse] * 100 < all[inUse] * threshold ? inUse : undefined;
}
