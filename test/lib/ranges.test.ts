import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asRanges, numbersOf } from "../../src/lib/ranges.ts";

test("numbers next to each other are one range, and sorted", () => {
  assert.deepEqual(asRanges([503, 429, 502, 504, 502]), ["429", "502-504"]);
  assert.deepEqual(asRanges([]), []);
});

test("a range the wrong way round has no number", () => {
  assert.deepEqual(numbersOf("504-502"), []);
  assert.deepEqual(numbersOf("502"), [502]);
});

test("ranges have the numbers that they were made of, and no two of them touch", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 400, max: 440 })), (numbers) => {
      const ranges = asRanges(numbers);
      assert.deepEqual(
        ranges.flatMap(numbersOf),
        [...new Set(numbers)].sort((a, b) => a - b),
      );
      assert.ok(numbers.length === 0 || ranges.length <= 21, ranges.join());
    }),
  );
});
