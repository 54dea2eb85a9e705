import type { PlacedBackend } from "../../model/backend.ts";

/**
 * Maps a hash to places, each of which belongs to a backend. The same backends give the same table in every worker
 * and process, in whatever order discovery found them.
 */
export interface HashTable {
  /** For each place the index of its backend; a pool has at most 16,384. */
  readonly owners: Uint16Array;
  /** A hash's own place. */
  place(hash: number): number;
  /** Where to go on from `place`, the `step`-th on this hash's way, when its backend cannot be had; steps count from 1. */
  next(place: number, hash: number, step: number): number;
}

/** Seeds of the two hashes of a backend's address. */
export const addressSeeds = [0x756d6179, 0x7069636b] as const;

/** Indexes of the backends in the order of their addresses. */
export function byAddress(backends: readonly PlacedBackend[]): number[] {
  return [...backends.keys()].sort((a, b) => (backends[a]!.address < backends[b]!.address ? -1 : 1));
}
