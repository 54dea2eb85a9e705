import assert from "node:assert/strict";
import { it } from "node:test";
import { Draws } from "../../../src/data/pick/draws.ts";
import { seededRandom } from "../../support/pickers.ts";

it("draws below a limit are uniform", () => {
  const draws = new Draws(seededRandom(5));
  const counts = new Int32Array(10);
  for (let draw = 0; draw < 100_000; draw++) counts[draws.below(10)]!++;
  // Chi-squared with 9 degrees of freedom exceeds 27.9 once in 1,000.
  const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert.ok(chiSquared < 27.9, `${chiSquared}: ${counts}`);
});

it("successive draws do not depend on each other", () => {
  const draws = new Draws(seededRandom(6));
  const pairs = new Int32Array(64);
  for (let draw = 0; draw < 64_000; draw++) pairs[draws.below(8) * 8 + draws.below(8)]!++;
  // 63 degrees of freedom: 103.4 once in 1,000.
  const chiSquared = pairs.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
  assert.ok(chiSquared < 103.4, `${chiSquared}`);
});

it("every bit is set half of the time, even when the seed is all zeros", () => {
  const draws = new Draws(() => 0);
  const set = new Int32Array(31);
  for (let draw = 0; draw < 10_000; draw++) {
    const bits = draws.bits();
    assert.ok(Number.isInteger(bits) && bits >= 0 && bits < 2 ** 31);
    for (let bit = 0; bit < 31; bit++) set[bit]! += (bits >>> bit) & 1;
  }
  for (const count of set) assert.ok(Math.abs(count - 5_000) < 250, `${set}`);
});

it("the same seed gives the same draws and another seed gives others", () => {
  const take = (seed: number): number[] => {
    const draws = new Draws(seededRandom(seed));
    return Array.from({ length: 8 }, () => draws.bits());
  };
  assert.deepEqual(take(1), take(1));
  assert.notDeepEqual(take(1), take(2));
});
