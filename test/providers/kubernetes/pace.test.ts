import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pace } from "../../../src/providers/kubernetes/client/pace.ts";

test("however requests come, no time has more of them than its rate and one burst", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (pauses, burst) => {
        let now = 0;
        const pace = new Pace(2, burst, 0, () => now);
        const times = pauses.map((pause) => {
          now += pause;
          return now + pace.take();
        });
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
          "first come, first served",
        );
        for (const [index, from] of times.entries())
          for (const [other, to] of times.entries())
            if (other > index)
              assert.ok(other - index + 1 <= burst + 2 * ((to - from) / 1_000) + 1e-6, `${from} to ${to}`);
      },
    ),
    { numRuns: 200 },
  );
});

test("the first ones of a start don't count", () => {
  const pace = new Pace(2, 1, 3, () => 0);
  assert.deepEqual(
    Array.from({ length: 5 }, () => pace.take()),
    [0, 0, 0, 0, 500],
  );
});

test("where many share a pace, each may ask once, and all of them again within 10 seconds", () => {
  const pace = new Pace(2, 1, 0, () => 0);
  for (let count = 1; count <= 100; count++) pace.shareBy(count);
  const take = (): number[] => Array.from({ length: 100 }, () => pace.take());
  assert.deepEqual(new Set(take()), new Set([0]));
  assert.equal(take().at(-1), 9_900);
  pace.shareBy(50);
  pace.shareBy(51);
  assert.notEqual(pace.take(), 0, "one that comes and goes again has no further request");
});
