import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Latencies } from "../../../src/data/pick/latency.ts";

const slot = 3;
const decay = 10_000;

function scene(): { latencies: Latencies; clock: { now: number }; cells: Int32Array } {
  const cells = new Int32Array(16);
  const clock = { now: 5_000 };
  return { latencies: new Latencies(cells, clock, decay), clock, cells };
}

/** Within one percent, because time and latency are integers. */
function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= expected / 100, `${actual} instead of ${expected}`);
}

test("a backend that was never measured is expected to take no time", () => {
  assert.equal(scene().latencies.expected(slot), 0);
});

test("a slower answer counts at once, and fades with time", () => {
  const { latencies, clock } = scene();
  latencies.answered(slot, 10);
  assert.equal(latencies.expected(slot), 10_000);
  latencies.answered(slot, 80);
  assert.equal(latencies.expected(slot), 80_000);
  clock.now += decay;
  near(latencies.expected(slot), 80_000 / Math.E);
  clock.now += 100 * decay;
  assert.equal(latencies.expected(slot), 1);
});

test("a faster answer counts the more the longer the last one is ago", () => {
  const { latencies, clock } = scene();
  latencies.answered(slot, 100);
  latencies.answered(slot, 10);
  assert.equal(latencies.expected(slot), 100_000);
  clock.now += decay / 10;
  latencies.answered(slot, 10);
  near(latencies.expected(slot), 10_000 + 90_000 * Math.exp(-0.1));
  for (let count = 0; count < 100; count++) {
    clock.now += decay / 10;
    latencies.answered(slot, 10);
  }
  near(latencies.expected(slot), 10_000);
});

test("waiting counts only where it is longer than expected", () => {
  const { latencies, clock } = scene();
  latencies.waited(slot, 20);
  assert.equal(latencies.expected(slot), 20_000);
  latencies.waited(slot, 5);
  assert.equal(latencies.expected(slot), 20_000);
  clock.now += 2 * decay;
  latencies.waited(slot, 5);
  assert.equal(latencies.expected(slot), 5_000);
});

test("whatever is measured and whenever, the expectation lies between nothing and the longest", () => {
  const events = fc.array(
    fc.record({
      took: fc.oneof(fc.double({ min: 0, max: 1e4, noNaN: true }), fc.constant(1e9)),
      later: fc.nat(20_000),
      answered: fc.boolean(),
    }),
    { minLength: 1 },
  );
  fc.assert(
    // The clock goes round at 2^32 hundredths of a second.
    fc.property(events, fc.constantFrom(0, 2 ** 31 * 10 - 30_000, 2 ** 32 * 10 - 30_000), (list, start) => {
      const { latencies, clock } = scene();
      clock.now = start;
      let longest = 0;
      for (const { took, later, answered } of list) {
        clock.now += later;
        if (answered) latencies.answered(slot, took);
        else latencies.waited(slot, took);
        longest = Math.max(longest, took);
        const expected = latencies.expected(slot);
        assert.ok(expected >= 0 && expected <= Math.max(1, longest * 1000), `${expected}`);
      }
    }),
  );
});

test("two backends are measured apart", () => {
  const { latencies, cells } = scene();
  latencies.answered(0, 1);
  latencies.answered(1, 2);
  assert.deepEqual([latencies.expected(0), latencies.expected(1)], [1_000, 2_000]);
  assert.deepEqual([...cells.subarray(0, 4)], [1_000, 500, 2_000, 500]);
});
