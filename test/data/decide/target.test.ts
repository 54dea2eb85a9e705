import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chooseTarget, mainPool } from "../../../src/data/decide/target.ts";

const targets = fc.array(fc.record({ pool: fc.string(), weight: fc.integer({ min: 1, max: 1_000_000 }) }), {
  minLength: 1,
  maxLength: 8,
});

test("each pool has its share, in the order of the target", () => {
  const target = [
    { pool: "a", weight: 1 },
    { pool: "b", weight: 2 },
    { pool: "c", weight: 1 },
  ];
  const chosen = [0, 0.249, 0.25, 0.749, 0.75, 0.999].map((draw) => chooseTarget(target, () => draw).pool);
  assert.deepEqual(chosen, ["a", "a", "b", "b", "c", "c"]);
  assert.equal(mainPool(target), "b");
});

test("a pool of the weight 0 is chosen by no draw", () => {
  const target = [0, 3, 0, 1, 0].map((weight, index) => ({ pool: String(index), weight }));
  const chosen = [0, 0.749, 0.75, 1 - 2 ** -53].map((draw) => chooseTarget(target, () => draw).pool);
  assert.deepEqual(chosen, ["1", "1", "3", "3"]);
});

test("one pool is chosen without a draw", () => {
  assert.equal(chooseTarget([{ pool: "a", weight: 3 }], () => assert.fail("drawn")).pool, "a");
});

test("whatever is drawn, a pool of the target is chosen, and over all draws each as often as its weight says", () => {
  fc.assert(
    fc.property(targets, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (target, draw) => {
      assert.ok(target.some(({ pool }) => pool === chooseTarget(target, () => draw).pool));
    }),
  );
  fc.assert(
    fc.property(targets, (given) => {
      const target = given.map(({ weight }, index) => ({ pool: String(index), weight }));
      const total = target.reduce((sum, { weight }) => sum + weight, 0);
      let before = 0;
      for (const { pool, weight } of target) {
        // The middle of each one's part of the line.
        assert.equal(chooseTarget(target, () => (before + weight / 2) / total).pool, pool);
        before += weight;
      }
    }),
  );
});
