import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { interleave, placesPerRound } from "../../../src/data/pick/interleave.ts";

it("equal weights take turns in order", () => {
  assert.deepEqual([...interleave([1, 1, 1, 1])], [0, 1, 2, 3]);
});

it("a heavy index is spread between the light ones", () => {
  assert.deepEqual([...interleave([5, 1, 1])], [0, 1, 0, 0, 0, 2, 0]);
  assert.deepEqual([...interleave([2, 1])], [0, 1, 0]);
});

it("each index has as many places as it should", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 60 }), (places) => {
      const counts = new Array<number>(places.length).fill(0);
      for (const index of interleave(places)) counts[index]!++;
      assert.deepEqual(counts, places);
    }),
    { seed: 1 },
  );
});

it("in any part of a round, each index has its share of the places within two", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 }), (places) => {
      const round = interleave(places);
      const counts = new Array<number>(places.length).fill(0);
      for (const [place, index] of round.entries()) {
        counts[index]!++;
        for (const [other, count] of places.entries()) {
          assert.ok(Math.abs(counts[other]! - ((place + 1) * count) / round.length) <= 2, `${round}`);
        }
      }
    }),
    { seed: 1 },
  );
});

it("places are weights divided by what they have in common", () => {
  assert.deepEqual(placesPerRound([100, 200, 50]), [2, 4, 1]);
  assert.deepEqual(placesPerRound([256]), [1]);
  assert.deepEqual(placesPerRound([3, 5]), [3, 5]);
});

it("a round stays within its bound, and light weights keep a place in it", () => {
  const weights = Array.from({ length: 16_384 }, (_, index) => (index === 0 ? 1 : 255 + (index % 2)));
  const places = placesPerRound(weights);
  const total = places.reduce((sum, count) => sum + count, 0);
  assert.equal(places[0], 1);
  assert.ok(total <= 2 ** 18 * 1.1, `${total}`);
  assert.equal(interleave(places).length, total);
});

it("up to 1,024 backends of any weights keep their exact proportions", () => {
  const weights = Array.from({ length: 1_024 }, (_, index) => 256 - (index % 2));
  assert.deepEqual(placesPerRound(weights), weights);
});
