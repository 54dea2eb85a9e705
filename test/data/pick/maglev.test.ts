import assert from "node:assert/strict";
import { it } from "node:test";
import { Maglev, maglevSizes } from "../../../src/data/pick/maglev.ts";
import { equalWeights, placedBackends } from "../../support/pickers.ts";

function placesOf(table: Maglev, backends: number): Int32Array {
  const counts = new Int32Array(backends);
  for (const owner of table.owners) counts[owner]!++;
  return counts;
}

it("every size is prime, and at least 100 times its backends, of which there may be 16,384", () => {
  for (const { size, backends } of maglevSizes) {
    for (let divisor = 2; divisor * divisor <= size; divisor++) assert.notEqual(size % divisor, 0);
    assert.ok(size >= 100 * backends);
  }
  assert.ok(maglevSizes.at(-1)!.backends >= 16_384);
});

it("backends of equal weight have as many places as each other, but for one", () => {
  for (const count of [1, 3, 80, 81]) {
    const places = placesOf(new Maglev(placedBackends(equalWeights(count))), count);
    assert.ok(Math.max(...places) - Math.min(...places) <= 1, `${places}`);
  }
});

it("places follow the weights, but for one for each other backend", () => {
  const weights = [1, 2, 3, 4, 256, 7, 7];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const table = new Maglev(placedBackends(weights));
  for (const [index, places] of placesOf(table, weights.length).entries()) {
    const share = (table.owners.length * weights[index]!) / total;
    assert.ok(Math.abs(places - share) < weights.length, `${places} instead of ${share}`);
  }
});

it("up to 150 backends, half as many other places change as the one that goes had, at the most", () => {
  for (const count of [50, 80, 150]) {
    const backends = placedBackends(equalWeights(count));
    const before = new Maglev(backends).owners;
    const gone = count >> 1;
    const after = new Maglev(backends.filter(({ slot }) => slot !== gone)).owners;
    const others = before.filter((owner, place) => {
      const now = after[place]!;
      return owner !== gone && owner !== (now < gone ? now : now + 1);
    });
    assert.ok(
      others.length <= before.length / count / 2,
      `${(others.length * count) / before.length} of ${count}`,
    );
  }
});
