import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { measureSlowness, patient } from "./patience.ts";

const before = process.env["TEST_SLOWNESS"];
afterEach(() => {
  process.env["TEST_SLOWNESS"] = before ?? "1";
});

test("deadlines are as many times longer as the run has measured", () => {
  process.env["TEST_SLOWNESS"] = "2.5";
  assert.equal(patient(1_001), 2_503);
});

test("what is measured lies within bounds, and is left for the processes that follow", () => {
  const alone = measureSlowness();
  assert.ok(alone >= 1 && alone <= 20, String(alone));
  assert.equal(patient(1_000), Math.ceil(1_000 * Number(alone.toFixed(2))));
  assert.equal(measureSlowness(1_000_000), 1, "what the run itself takes does not count");
  assert.equal(measureSlowness(1_000_000, 7), 7, "nor is it ever less than at first");
  assert.equal(process.env["TEST_SLOWNESS"], "7.00");
});
