import type { SharedMemory } from "../../../channel/memory.ts";
import type { RequestReason } from "../../../model/reasons.ts";
import type { PlacedPool } from "../../../model/snapshot.ts";
import { sharedClock } from "../../clock.ts";

/**
 * When a request that umay refuses may be served, as far as it knows (RFC 9110 section 10.2.3).
 * @param pool that had no backend for it; undefined: it came to none.
 * @returns seconds, at least 1; undefined: nobody knows.
 */
export function retryAfter(
  reason: RequestReason,
  { poolBackAt }: Pick<SharedMemory, "poolBackAt">,
  pool: Pick<PlacedPool, "slot"> | undefined,
): number | undefined {
  // Load is looked at again within a second.
  if (reason === "overloaded") return 1;
  if (reason !== "no_backend" || pool === undefined) return undefined;
  const left = Math.ceil(Atomics.load(poolBackAt, pool.slot) - sharedClock.now / 1_000);
  return left > 0 ? left : undefined;
}
