import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatSize, parseSize } from "../../src/lib/size.ts";

test("sizes are whole numbers, with a unit or without", () => {
  const units = { "": 1, B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 };
  fc.assert(
    fc.property(fc.nat(100_000), fc.constantFrom(...Object.entries(units)), (amount, [unit, factor]) => {
      assert.equal(parseSize(`${amount}${unit}`), amount * factor);
    }),
  );
  for (const text of ["", "B", "-1", "1.5KiB", "1 KiB", "1kb", "1KB", "1KiB\n", "٣"])
    assert.equal(parseSize(text), Number.NaN, text);
});

test("a size is written in its largest whole unit, and read as what it was", () => {
  const written = [0, 1, 1_023, 1_536, 2_048, 1_048_576, 1_073_741_824].map(formatSize);
  assert.deepEqual(written, ["0B", "1B", "1023B", "1536B", "2KiB", "1MiB", "1GiB"]);
  fc.assert(fc.property(fc.nat(), (bytes) => assert.equal(parseSize(formatSize(bytes)), bytes)));
});
