import assert from "node:assert/strict";
import { it } from "node:test";
import type { PickerSpec } from "../../../src/model/pool.ts";
import { equalWeights, placedBackends, TestPool } from "../../support/pickers.ts";

const spec: PickerSpec = { type: "power-of-two" };
const nobody = Array.from({ length: 20_000 }, () => "");

it("the most loaded backend for its weight is never picked while there is another", () => {
  const pool = new TestPool(placedBackends([1, 4, 2, 1]));
  pool.active.set([2, 7, 6, 2]);
  const counts = pool.count(pool.create(spec), nobody);
  assert.equal(counts[2], 0);
  pool.refuse(pool.backends.slice(0, 2));
  pool.active[3] = 9;
  assert.equal(pool.count(pool.create(spec), nobody)[3], 0);
});

it("the less loaded of two wins as often as the two are drawn", () => {
  const pool = new TestPool(placedBackends(equalWeights(4)));
  pool.active.set([0, 1, 2, 3]);
  // Of the six pairs the least loaded backend is in three, the next in two more, the third in one more.
  const counts = pool.count(pool.create(spec), nobody);
  for (const [slot, pairs] of [3, 2, 1, 0].entries()) {
    assert.ok(Math.abs(counts[slot]! - (nobody.length * pairs) / 6) < 350, `${counts.subarray(0, 4)}`);
  }
});

it("open connections of 100 backends stay within a few of each other", () => {
  const pool = new TestPool(placedBackends(equalWeights(100)));
  pool.count(pool.create(spec), nobody, true);
  const active = pool.active.subarray(0, 100);
  assert.ok(
    Math.max(...active) - Math.min(...active) <= 8,
    `${Math.min(...active)} to ${Math.max(...active)}`,
  );
});
