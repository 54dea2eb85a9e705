import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../src/lib/duration.ts";

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

test("a duration is written in its largest whole unit, and read as what it was", () => {
  const written = [0, 999, 1_000, 90_000, 120_000, 3_600_000, 86_400_000].map(formatDuration);
  assert.deepEqual(written, ["0ms", "999ms", "1s", "90s", "2m", "1h", "1d"]);
  fc.assert(fc.property(fc.nat(), (time) => assert.equal(parseDuration(formatDuration(time)), time)));
});
