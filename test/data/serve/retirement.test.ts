import assert from "node:assert/strict";
import { test } from "node:test";
import { isTooOld, retirementOf } from "../../../src/data/serve/retirement.ts";

const relay = (quiet: boolean) => ({ isQuiet: () => quiet });

test("a relay ends for its age when it is quiet, and at the end of its grace at the latest", () => {
  const hour = 3_600_000;
  assert.equal(isTooOld(999, 1_000, hour, relay(true)), false);
  assert.equal(isTooOld(1_000, 1_000, hour, relay(true)), true);
  assert.equal(isTooOld(60_999, 1_000, hour, relay(false)), false);
  assert.equal(isTooOld(61_000, 1_000, hour, relay(false)), true);
  assert.equal(isTooOld(3_000, 1_000, 2_000, relay(false)), true, "as long again as it may be old");
  assert.equal(isTooOld(1e12, Number.POSITIVE_INFINITY, undefined, relay(true)), false);
});

test("what began together ends within a tenth of the age, and nothing ends without one", () => {
  const began = performance.now();
  for (let count = 0; count < 100; count++) {
    const age = retirementOf(10_000) - began;
    assert.ok(age >= 9_000 && age <= 11_000 + (performance.now() - began), String(age));
  }
  assert.equal(retirementOf(undefined), Number.POSITIVE_INFINITY);
});
