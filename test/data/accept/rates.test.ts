import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { takeToken, tokenBucket } from "../../../src/data/accept/rates.ts";

/** @returns the times at which a token could be taken. */
function admitted(rate: Parameters<typeof tokenBucket>[0], times: readonly number[]): number[] {
  const bucket = tokenBucket(rate);
  let fullAt = 0;
  return times.filter((now) => {
    const next = takeToken(bucket, fullAt, now);
    if (next !== undefined) fullAt = next;
    return next !== undefined;
  });
}

test("after a pause the burst is cut exactly, then tokens come one by one", () => {
  const rate = { connections: 10, period: 1000, burst: 3 };
  const start = 5_000_000;
  const times = [0, 0, 0, 0, 99, 100, 100, 199, 200, 1000, 1000, 1000, 1000].map((ms) => start + ms);
  assert.deepEqual(
    admitted(rate, times).map((time) => time - start),
    [0, 0, 0, 100, 200, 1000, 1000, 1000],
  );
});

const rates = fc.record({
  connections: fc.integer({ min: 1, max: 100_000 }),
  period: fc.constantFrom(1000, 60_000, 3_600_000),
  burst: fc.integer({ min: 1, max: 50 }),
});

test("in no window more than rate times its length and the burst is admitted, and no less than is due", () => {
  fc.assert(
    fc.property(
      rates,
      fc.double({ min: 0, max: 1e10, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 1, maxLength: 200 }),
      (rate, start, gaps) => {
        const interval = rate.period / rate.connections;
        let now = start;
        const times = gaps.map((gap) => {
          // Some at once, some about a token apart.
          now += gap < 1 ? 0 : (gap - 1) * interval;
          return now;
        });
        const taken = admitted(rate, times);
        for (let from = 0; from < taken.length; from++)
          for (let to = from; to < taken.length; to++) {
            const length = taken[to]! - taken[from]! + 0.002;
            const most = length / interval + rate.burst;
            assert.ok(to - from + 1 <= most, `${to - from + 1} in ${length} ms, at most ${most}`);
          }
        assert.ok(taken.length >= Math.min(times.length, rate.burst));
      },
    ),
  );
});
