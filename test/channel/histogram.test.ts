import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  bucketValue,
  histogramCells,
  isEmptyHistogram,
  recordValue,
  sumHistograms,
} from "../../src/channel/histogram.ts";

const largest = 2 ** 47;
const microseconds = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 2 ** 31 }),
  fc.maxSafeInteger().map((value) => Math.abs(value) % largest),
);

function bucketOf(value: number): number {
  const cells = new Float64Array(histogramCells);
  recordValue(cells, 0, value);
  return sumHistograms([cells], 0).counts.indexOf(1);
}

test("a value is kept with an error below 1.6 %, and exactly below 128", () => {
  fc.assert(
    fc.property(microseconds, (value) => {
      const kept = bucketValue(bucketOf(value));
      assert.ok(Math.abs(kept - value) <= (value < 128 ? 0 : value * 0.016), `${value} is kept as ${kept}`);
    }),
  );
});

test("a larger value is never in a lower bucket", () => {
  fc.assert(
    fc.property(microseconds, microseconds, (a, b) => {
      assert.equal(Math.sign(bucketOf(a) - bucketOf(b)) * Math.sign(a - b) >= 0, true);
    }),
  );
});

test("every bucket's value is above that of the bucket before it, and falls into its own bucket", () => {
  for (let bucket = 0; bucket < histogramCells - 1; bucket++) {
    assert.equal(bucketOf(bucketValue(bucket)), bucket);
    if (bucket > 0) assert.ok(bucketValue(bucket) > bucketValue(bucket - 1));
  }
});

test("counts and sums of several workers add up exactly", () => {
  const values = fc.array(fc.integer({ min: 0, max: 2 ** 40 }));
  fc.assert(
    fc.property(fc.array(values, { maxLength: 4 }), (workers) => {
      const memories = workers.map((own) => {
        const cells = new Float64Array(histogramCells);
        for (const value of own) recordValue(cells, 0, value);
        return cells;
      });
      const { counts, sum } = sumHistograms(memories, 0);
      const all = workers.flat();
      assert.equal(
        counts.reduce((total, count) => total + count, 0),
        all.length,
      );
      assert.equal(
        sum,
        all.reduce((total, value) => total + value, 0),
      );
    }),
  );
});

test("a value below 0 counts as 0, one that is too large counts in the last bucket", () => {
  assert.equal(bucketOf(-1), 0);
  assert.equal(bucketOf(2 ** 47), histogramCells - 2);
  assert.equal(bucketOf(Number.MAX_VALUE), histogramCells - 2);
});

test("recording touches no cell outside the histogram", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      const cells = new Float64Array(histogramCells + 2);
      recordValue(cells, 1, value);
      assert.equal(cells[0], 0);
      assert.equal(cells[histogramCells + 1], 0);
    }),
  );
});

test("a histogram is empty until a worker records a value, of nothing too", () => {
  fc.assert(
    fc.property(microseconds, fc.integer({ min: 0, max: 1 }), (value, worker) => {
      const memories = [0, 1].map(() => new Float64Array(2 * histogramCells));
      assert.ok(isEmptyHistogram(memories, histogramCells));
      recordValue(memories[worker]!, histogramCells, value);
      assert.equal(isEmptyHistogram(memories, histogramCells), false);
      assert.ok(isEmptyHistogram(memories, 0));
    }),
  );
});
