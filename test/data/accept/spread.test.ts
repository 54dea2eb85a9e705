import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Spread } from "../../../src/data/accept/spread.ts";
import { clock } from "../../../src/data/clock.ts";

/** Whether the first of these workers gives its next connection away. */
const givesAway = (...open: number[]): boolean => new Spread(Int32Array.from(open), 0).givesAway();

test("a connection is given away where it would make two more than another worker has, and a quarter more", () => {
  assert.equal(givesAway(0, 0), false);
  assert.equal(givesAway(1, 0), true);
  assert.equal(givesAway(1, 1), false);
  assert.equal(givesAway(2, 1), true);
  assert.equal(givesAway(5, 4), true);
  assert.equal(givesAway(6, 5), false);
  assert.equal(givesAway(125, 100), true);
  assert.equal(givesAway(124, 100), false);
  assert.equal(givesAway(3, 9, 9, 2, 9), true);
  assert.equal(givesAway(3, 9, 9, 9), false);
});

test("whatever the kernel does, few long connections come out even: no worker has two more than another", () => {
  const counts = fc.integer({ min: 1, max: 5 }).chain((workers) =>
    fc.record({
      workers: fc.constant(workers),
      accepting: fc.array(fc.nat({ max: workers - 1 }), { maxLength: 4 * workers }),
    }),
  );
  fc.assert(
    fc.property(counts, ({ workers, accepting }) => {
      const open = new Int32Array(workers);
      for (const worker of accepting) {
        const least = open.indexOf(Math.min(...open));
        open[new Spread(open, worker).givesAway() ? least : worker]! += 1;
      }
      assert.ok(Math.max(...open) - Math.min(...open) <= 1, open.join(" "));
    }),
  );
});

test("sixteen are given away at once, then ten a second", (context) => {
  const began = clock.now;
  context.after(() => {
    clock.now = began;
  });
  // Whole numbers, so that nothing is rounded.
  clock.now = 1000;
  const spread = new Spread(Int32Array.of(100, 0), 0);
  const given = (): number => {
    let count = 0;
    for (let attempt = 0; attempt < 100; attempt++) if (spread.givesAway()) count++;
    return count;
  };
  assert.equal(given(), 16);
  clock.now += 500;
  assert.equal(given(), 5);
  clock.now += 60_000;
  assert.equal(given(), 16);
});
