import { hashString, mix } from "../../lib/hash.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import { addressSeeds, byAddress, type HashTable } from "./hash-table.ts";

/**
 * Places for so many backends, prime as the permutations need it. When one of n backends goes, about 6 n² / size more
 * places change than its own, relative to its own (measured): up to 150 backends at most half as many. The sizes are
 * few, because a step from one to the next moves nearly every key.
 */
export const maglevSizes = [
  { backends: 80, size: 65_537 },
  { backends: 2_621, size: 262_147 },
  { backends: 20_971, size: 2_097_169 },
] as const;

const empty = 0xffff;

/** Backends of one weight, which take their turns together. */
interface Group {
  readonly weight: number;
  readonly members: number[];
  turns: number;
}

/**
 * Maglev's lookup table (Eisenbud et al., "Maglev: a fast and reliable software network load balancer", NSDI 2016,
 * section 3.4): each backend has a permutation of all places, from its address, and takes in turn its next free one,
 * until all are taken; a heavier one has more turns.
 */
export class Maglev implements HashTable {
  readonly owners: Uint16Array;

  constructor(backends: readonly PlacedBackend[]) {
    const { size } = maglevSizes.find((step) => step.backends >= backends.length) ?? maglevSizes[2];
    this.owners = new Uint16Array(size).fill(empty);
    this.#fill(backends, groupByWeight(backends));
  }

  place(hash: number): number {
    return (hash >>> 0) % this.owners.length;
  }

  /** Anywhere: a full or refused backend's keys spread over all others. */
  next(_place: number, hash: number, step: number): number {
    return (mix(hash + Math.imul(step, 0x9e3779b9)) >>> 0) % this.owners.length;
  }

  #fill(backends: readonly PlacedBackend[], groups: readonly Group[]): void {
    const owners = this.owners;
    const size = owners.length;
    const places = Int32Array.from(
      backends,
      ({ address }) => (hashString(address, addressSeeds[0]) >>> 0) % size,
    );
    const skips = Int32Array.from(
      backends,
      ({ address }) => ((hashString(address, addressSeeds[1]) >>> 0) % (size - 1)) + 1,
    );
    const heaviest = groups[0]!.weight;
    let free = size;
    for (let turn = 1; ; turn++) {
      for (const group of groups) {
        if (group.turns * heaviest >= turn * group.weight) continue;
        group.turns++;
        for (const index of group.members) {
          let place = places[index]!;
          const skip = skips[index]!;
          while (owners[place] !== empty) place = place + skip >= size ? place + skip - size : place + skip;
          owners[place] = index;
          places[index] = place;
          if (--free === 0) return;
        }
      }
    }
  }
}

/** The heaviest first. */
function groupByWeight(backends: readonly PlacedBackend[]): Group[] {
  const groups = new Map<number, Group>();
  for (const index of byAddress(backends)) {
    const { weight } = backends[index]!;
    const group = groups.get(weight);
    if (group === undefined) groups.set(weight, { weight, members: [index], turns: 0 });
    else group.members.push(index);
  }
  return [...groups.values()].sort((a, b) => b.weight - a.weight);
}
