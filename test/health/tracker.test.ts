import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Tracker, type Verdict } from "../../src/health/tracker.ts";

const limits = fc.record({ rise: fc.integer({ min: 1, max: 5 }), fall: fc.integer({ min: 1, max: 5 }) });

/** Says it the long way: the verdict after a history, by looking back over all of it. */
function expected(history: readonly boolean[], { rise, fall }: { rise: number; fall: number }): boolean {
  let up = history[0]!;
  for (let end = 1; end <= history.length; end++) {
    const needed = up ? fall : rise;
    const last = history.slice(Math.max(0, end - needed), end);
    if (last.length === needed && last.every((passed) => passed !== up)) up = !up;
  }
  return up;
}

test("the first result decides; after it exactly rise or fall results in a row change the verdict", () => {
  fc.assert(
    fc.property(limits, fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (limit, history) => {
      const tracker = new Tracker(limit);
      assert.equal(tracker.verdict, "unknown");
      for (const [index, passed] of history.entries()) {
        const before: Verdict = tracker.verdict;
        const changed = tracker.record(passed);
        const up = expected(history.slice(0, index + 1), limit);
        assert.equal(tracker.verdict, up ? "up" : "down");
        assert.equal(changed, tracker.verdict !== before);
        assert.equal(tracker.changing, passed !== up);
      }
    }),
  );
});

test("a verdict that is known already takes rise or fall results to change", () => {
  const tracker = new Tracker({ rise: 2, fall: 3 }, "down");
  assert.deepEqual(
    [true, false, true, true].map((passed) => tracker.record(passed)),
    [false, false, false, true],
  );
  assert.equal(tracker.verdict, "up");
});
