import type { HealthCheck } from "../../health/check.ts";
import type { CheckSpec } from "../../model/health.ts";
import type { Pool } from "../../model/pool.ts";
import type { PlacedPool } from "../../model/snapshot.ts";

/** The discovery of a pool that is followed. */
export interface Followed {
  /** Whether it ever found a backend. */
  readonly everFound: boolean;
  readonly errors: number;
  /** The last error, until discovery succeeds again. */
  readonly lastError: string | undefined;
  stop(): void;
}

/** A check, and the specification by which it was made. */
export interface MadeCheck {
  readonly spec: CheckSpec;
  readonly check: HealthCheck;
}

/** All that the control plane knows of one pool, from when it is configured until it has left. */
export interface ManagedPool {
  readonly name: string;
  /** Whether umay is ready only when its discovery has found a backend: that of a start, not one that a reload added. */
  readonly required: boolean;
  /** The configured pool, with the material that was renewed since. */
  config: Pool;
  /** The pool as the workers serve it. */
  placed: PlacedPool;
  /**
   * Undefined while it is configured. Then the first version without it: connections that were accepted before may still
   * be about to choose a backend of it, so it is served until all of them have.
   */
  leftIn: number | undefined;
  /** Undefined: nobody looks for its backends, not yet or not any more. */
  discovery: Followed | undefined;
  /** The checks of its backends, by the specifications that the configured pool has. */
  checks: ReadonlyMap<CheckSpec, MadeCheck>;
  /** The tiers whose health is ignored, because too few backends of them are up. */
  panic: readonly number[];
}

/** Nobody looks for its backends any more. @returns the pool. */
export function endDiscovery(pool: ManagedPool): ManagedPool {
  pool.discovery?.stop();
  pool.discovery = undefined;
  return pool;
}

/**
 * Whether a start waits for its backends. A Service may have no endpoints for as long as it likes, and of a control plane's pools
 * some have yet to come.
 */
export const needsBackends = ({ discovery }: Pool): boolean =>
  discovery.type === "static" ? discovery.backends.length > 0 : discovery.type !== "endpoints";

/** A pool without what is for the control plane alone. */
export function servedPart({ discovery: _, health: __, removal: ___, ...pool }: Pool): ServedPart {
  return pool;
}

/** The part of a pool that is for the workers. */
export type ServedPart = Omit<Pool, "discovery" | "health" | "removal">;
