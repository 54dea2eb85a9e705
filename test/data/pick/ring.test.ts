import assert from "node:assert/strict";
import { it } from "node:test";
import { Ring } from "../../../src/data/pick/ring.ts";
import { mix } from "../../../src/lib/hash.ts";
import { equalWeights, placedBackends } from "../../support/pickers.ts";

it("a weight of 1 has 160 points, and others in proportion, whoever else is there", () => {
  const points = (weights: number[]): number[] => {
    const counts = weights.map(() => 0);
    for (const owner of new Ring(placedBackends(weights)).owners) counts[owner]!++;
    return counts;
  };
  assert.deepEqual(points([1, 2, 256]), [160, 320, 40_960]);
  assert.deepEqual(points([2]), [320]);
});

it("a huge ring is bounded, and nobody is left without a point", () => {
  const weights = Array.from({ length: 16_384 }, (_, index) => (index % 2 === 0 ? 256 : 1));
  const { owners } = new Ring(placedBackends(weights));
  assert.ok(owners.length <= 2 ** 20 + 16_384, `${owners.length}`);
  assert.equal(new Set(owners).size, weights.length);
});

it("hashes one after the other, round the ring, come to places one after the other, and to each", () => {
  const ring = new Ring(placedBackends(equalWeights(5)));
  const seen = new Set<number>();
  let place = ring.place(0);
  for (let hash = 0; hash < 2 ** 32; hash += 2 ** 14) {
    const next = ring.place(hash | 0);
    for (; place !== next; place = ring.next(place)) seen.add(place);
    seen.add(next);
  }
  assert.equal(seen.size, ring.owners.length);
  assert.equal(ring.place(-1), 0, "past the last point comes the first");
});

it("a hash belongs to the nearest point at or after it", () => {
  const backends = placedBackends([1, 3, 2]);
  const ring = new Ring(backends);
  const alone = backends.map((backend) => new Ring([backend]));
  // Where only one backend is on a ring, its places say how far away its points are.
  for (let key = 0; key < 5_000; key++) {
    const hash = mix(key);
    const owner = ring.owners[ring.place(hash)]!;
    const distance = alone.map((single) => distanceToPoint(single, hash));
    assert.equal(distance[owner], Math.min(...distance));
  }
});

/** How far on from `hash` the next point is, found by bisection: up to there the place is the same. */
function distanceToPoint(ring: Ring, hash: number): number {
  const place = ring.place(hash);
  let low = 0;
  let high = 2 ** 31;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (ring.place((hash + middle + 1) | 0) === place) low = middle + 1;
    else high = middle;
  }
  return low;
}
