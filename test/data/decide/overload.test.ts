import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { nextShedding, noShedding, refusalByLoad, type Shedding } from "../../../src/data/decide/overload.ts";

/** The share that is shed after so many looks, of a loop whose lateness depends on it. */
function settle(lateness: (share: number) => number, looks: number, from: Shedding = noShedding): Shedding {
  let shedding = from;
  for (let look = 0; look < looks; look++)
    shedding = nextShedding(shedding, lateness(shedding.share / 1_000), 100);
  return shedding;
}

describe("how much a late worker refuses", () => {
  test("is nothing for a single pause, however long", () => {
    const once = nextShedding(noShedding, 5_000, 100);
    assert.equal(once.share, 0);
    assert.deepEqual(nextShedding(once, 10, 100), noShedding);
  });

  test("comes to rest near what is too much, and goes back to nothing", () => {
    // Three times what it can do: the loop is late unless two thirds are refused.
    const busy = (share: number): number => (share < 2 / 3 ? 250 : 20);
    for (let looks = 50; looks < 200; looks += 7) {
      const { share } = settle(busy, looks);
      assert.ok(share > 500 && share <= 950, `${share} of a thousand`);
    }
    assert.deepEqual(
      settle(() => 0, 50, settle(busy, 100)),
      noShedding,
    );
  });

  test("is never all, so that it is seen when it gets better", () => {
    assert.equal(settle(() => 10_000, 100).share, 950);
  });
});

test("requests are refused by chance in that share, and all of them while memory is short", () => {
  const load = { share: 300, isMemoryShort: false };
  assert.equal(
    refusalByLoad(load, () => 0.29),
    "event_loop",
  );
  assert.equal(
    refusalByLoad(load, () => 0.31),
    undefined,
  );
  assert.equal(
    refusalByLoad({ share: 0, isMemoryShort: false }, () => 0),
    undefined,
  );
  assert.equal(
    refusalByLoad({ share: 0, isMemoryShort: true }, () => 0.99),
    "memory",
  );
});
