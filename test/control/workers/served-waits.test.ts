import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { ServedWaits } from "../../../src/control/workers/served-waits.ts";

/** Notes how each wait went. */
function waiting(
  waits: ServedWaits,
  ...versions: number[]
): { readonly outcomes: string[]; over: Promise<unknown> } {
  const outcomes: string[] = [];
  const over = versions.map((version) =>
    waits.until(version, undefined).then(
      () => outcomes.push(`${version} served`),
      (error: Error) => outcomes.push(`${version} ${error.message}`),
    ),
  );
  return { outcomes, over: Promise.all(over) };
}

test("a wait is over when its version or a newer one is served, and not before", async () => {
  const waits = new ServedWaits();
  const { outcomes, over } = waiting(waits, 2, 3, 4);
  waits.served(1);
  waits.served(3);
  await turn();
  assert.deepEqual(outcomes.sort(), ["2 served", "3 served"]);
  waits.served(4);
  await over;
  assert.equal(outcomes.length, 3);
});

test("a version that is refused ends the waits for it and for those before it", async () => {
  const waits = new ServedWaits();
  const { outcomes, over } = waiting(waits, 2, 3, 4);
  waits.refused(3, "no");
  waits.served(4);
  await over;
  assert.deepEqual(outcomes.sort(), ["2 no", "3 no", "4 served"]);
});

test("a wait that takes too long ends with its deadline's error", async () => {
  const late = new ServedWaits().until(1, { time: 1, error: () => new Error("late") });
  await assert.rejects(late, /^Error: late$/);
});
