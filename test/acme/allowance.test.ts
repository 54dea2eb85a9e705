import assert from "node:assert/strict";
import { test } from "node:test";
import { OrderAllowance } from "../../src/acme/allowance.ts";

test("fifty orders may be made at once, then one in 36 seconds, and never more than fifty after a pause", () => {
  let now = 1_000;
  const allowance = new OrderAllowance(() => now);
  const atOnce = (): number => {
    let orders = 0;
    while (allowance.take() === 0) orders++;
    return orders;
  };
  assert.equal(atOnce(), 50);
  assert.equal(allowance.take(), 36_000);
  now += 35_000;
  assert.equal(Math.round(allowance.take()), 1_000);
  now += 1_000;
  assert.equal(atOnce(), 1);
  now += 3 * 3_600_000;
  assert.equal(atOnce(), 50);
});
