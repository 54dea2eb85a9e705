import { hashString, mix } from "../../lib/hash.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import { addressSeeds, byAddress, type HashTable } from "./hash-table.ts";

/** As many as libketama has. */
const pointsPerWeight = 160;
/** Above it, the points per weight are halved until they are fewer; 14 MiB at the most. */
const mostPoints = 2 ** 20;

/**
 * A ring of hashes (Karger et al., "Consistent hashing and random trees", STOC 1997) with libketama's 160 points per
 * weight: a key belongs to the first point at or after its hash. A backend's points depend only on its own address and
 * weight, so when one goes, only its keys move (unless the sum of weights crosses 6,553 or a doubling of it).
 */
export class Ring implements HashTable {
  readonly owners: Uint16Array;
  /** Ascending. */
  readonly #points: Uint32Array;
  /** For the highest bits of a hash, the first point with those bits or more: there are twice as many as points. */
  readonly #starts: Uint32Array;
  readonly #shift: number;

  constructor(backends: readonly PlacedBackend[]) {
    const counts = pointCounts(backends);
    const total = counts.reduce((sum, count) => sum + count, 0);
    this.#shift = Math.clz32(total);
    this.#starts = new Uint32Array(2 ** (32 - this.#shift) + 1);
    this.#points = new Uint32Array(total);
    this.owners = new Uint16Array(total);
    this.#fill(backends, counts);
  }

  place(hash: number): number {
    const points = this.#points;
    const target = hash >>> 0;
    let place = this.#starts[target >>> this.#shift]!;
    while (place < points.length && points[place]! < target) place++;
    return place === points.length ? 0 : place;
  }

  /** The next point: a refused backend's keys go where they would if it were not on the ring. */
  next(place: number): number {
    return place + 1 === this.owners.length ? 0 : place + 1;
  }

  /** A counting sort by the highest bits, then by insertion among those that share them: one, on average. */
  #fill(backends: readonly PlacedBackend[], counts: readonly number[]): void {
    const points = this.#points;
    const owners = this.owners;
    const starts = this.#starts;
    const shift = this.#shift;
    const bases = Int32Array.from(backends, ({ address }) => hashString(address, addressSeeds[0]));
    const steps = Int32Array.from(backends, ({ address }) => hashString(address, addressSeeds[1]) | 1);
    const order = byAddress(backends);
    for (const index of order) {
      for (let nth = 0; nth < counts[index]!; nth++) {
        starts[(pointOf(bases[index]!, steps[index]!, nth) >>> shift) + 1]!++;
      }
    }
    for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket]! += starts[bucket - 1]!;
    const ends = starts.slice();
    for (const index of order) {
      for (let nth = 0; nth < counts[index]!; nth++) {
        const point = pointOf(bases[index]!, steps[index]!, nth);
        const start = starts[point >>> shift]!;
        let place = ends[point >>> shift]!++;
        for (; place > start && points[place - 1]! > point; place--) {
          points[place] = points[place - 1]!;
          owners[place] = owners[place - 1]!;
        }
        points[place] = point;
        owners[place] = index;
      }
    }
  }
}

/** A backend's `nth` point, as an unsigned integer. */
function pointOf(base: number, step: number, nth: number): number {
  return mix(base + Math.imul(nth, step)) >>> 0;
}

function pointCounts(backends: readonly PlacedBackend[]): number[] {
  const total = backends.reduce((sum, { weight }) => sum + weight * pointsPerWeight, 0);
  const halvings = Math.max(0, Math.ceil(Math.log2(total / mostPoints)));
  return backends.map(({ weight }) => Math.max(1, (weight * pointsPerWeight) >> halvings));
}
