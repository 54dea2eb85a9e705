import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { AliasTable } from "../../../src/data/pick/alias.ts";

/** Each index's share of 100,000 evenly spaced draws: the table's probabilities themselves, without chance. */
function shares(table: AliasTable, indexes: number): number[] {
  const counts = new Array<number>(indexes).fill(0);
  const draws = 100_000;
  for (let draw = 0; draw < draws; draw++)
    counts[table.draw(Math.floor((draw + 0.5) * (2 ** 31 / draws)))]!++;
  return counts.map((count) => count / draws);
}

it("every index is drawn with a probability in proportion to its weight", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 50 }), (weights) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [index, share] of shares(new AliasTable(weights), weights.length).entries()) {
        // Each column is cut at two points, and each cut is off by one draw at the most.
        assert.ok(Math.abs(share - weights[index]! / total) <= (2 * weights.length) / 100_000);
      }
    }),
    { seed: 1, numRuns: 50 },
  );
});

it("the lowest and the highest draw stay within the table", () => {
  for (const count of [1, 3, 7, 16_384]) {
    const table = new AliasTable(Array.from({ length: count }, (_, index) => 1 + (index % 256)));
    for (const bits of [0, 2 ** 31 - 1]) {
      const index = table.draw(bits);
      assert.ok(Number.isInteger(index) && index >= 0 && index < count, `${index} of ${count}`);
    }
  }
});
