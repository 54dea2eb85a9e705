import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { retryWindow } from "../../../src/channel/layout.ts";
import { RetryBudget } from "../../../src/data/dispatch/retry-budget.ts";

const cells = retryWindow.buckets * retryWindow.cellsOfBucket;

/** Two workers that share memory. */
function workers(): { clock: { now: number }; one: RetryBudget; other: RetryBudget } {
  const memory = new Int32Array(new SharedArrayBuffer(4 * cells * 2));
  const clock = { now: 1_000_000 };
  return { clock, one: new RetryBudget(memory, 1, clock), other: new RetryBudget(memory, 1, clock) };
}

const takeAll = (budget: RetryBudget, limits: { percent: number; min: number }): number => {
  let taken = 0;
  while (budget.take(limits)) taken++;
  return taken;
};

describe("the budget of requests that are sent again", () => {
  test("is a share of the requests of the last ten seconds, over all workers", () => {
    const { clock, one, other } = workers();
    for (let count = 0; count < 100; count++) {
      one.count();
      other.count();
    }
    const limits = { percent: 20, min: 0 };
    assert.equal(takeAll(one, limits), 40);
    assert.equal(takeAll(other, limits), 0);
    clock.now += 9_000;
    assert.equal(takeAll(other, limits), 0, "those of nine seconds ago count");
    for (let count = 0; count < 10; count++) other.count();
    assert.equal(takeAll(one, limits), 2);
    clock.now += 1_000;
    assert.equal(takeAll(one, limits), 0, "of ten requests two were sent again");
    clock.now += 60_000;
    assert.equal(takeAll(one, limits), 0);
  });

  test("lets so many a second through in any case, and none where both are 0", () => {
    const { clock, one } = workers();
    assert.equal(takeAll(one, { percent: 0, min: 3 }), 30);
    assert.equal(takeAll(one, { percent: 0, min: 0 }), 0);
    clock.now += 10_000;
    assert.equal(takeAll(one, { percent: 0, min: 3 }), 30);
  });

  test("never lets more through than it says, whatever the order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("count", "take", "take", "second", "gap"), { maxLength: 300 }),
        fc.integer({ min: 0, max: 100 }),
        (steps, percent) => {
          const { clock, one, other } = workers();
          const counted: number[] = [];
          const taken: number[] = [];
          for (const [index, step] of steps.entries()) {
            const budget = index % 2 === 0 ? one : other;
            if (step === "second") clock.now += 1_000;
            else if (step === "gap") clock.now += 12_500;
            else if (step === "count") {
              budget.count();
              counted.push(clock.now);
            } else if (budget.take({ percent, min: 0 })) taken.push(clock.now);
            const since = Math.floor(clock.now / 1_000) - 10;
            const recent = (times: number[]): number =>
              times.filter((time) => Math.floor(time / 1_000) > since).length;
            if (step === "take" && taken.at(-1) === clock.now)
              assert.ok(recent(taken) * 100 <= recent(counted) * percent);
          }
        },
      ),
    );
  });
});
