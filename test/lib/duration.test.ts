import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDuration } from "../../src/lib/duration.ts";

test("durations are whole numbers with a unit", () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  fc.assert(
    fc.property(fc.nat(100_000), fc.constantFrom(...Object.entries(units)), (amount, [unit, factor]) => {
      assert.equal(parseDuration(`${amount}${unit}`), amount * factor);
    }),
  );
  for (const text of ["", "5", "s", "-1s", "1.5s", "1 s", "1h30m", "5S", "1w", "1s\n", "٣s"])
    assert.equal(parseDuration(text), Number.NaN, text);
});
