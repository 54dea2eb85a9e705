import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import type { Picker } from "../../../src/data/pick/picker.ts";
import type { PickerSpec } from "../../../src/model/pool.ts";
import { equalWeights, placedBackends, TestPool } from "../../support/pickers.ts";

const spec: PickerSpec = { type: "round-robin" };

function pickSlots(pool: TestPool, picker: Picker, picks: number): number[] {
  return Array.from({ length: picks }, () => picker.pick(pool)!.slot);
}

it("backends of equal weight come in discovery's order, again and again", () => {
  const pool = new TestPool(placedBackends(equalWeights(3)));
  assert.deepEqual(pickSlots(pool, pool.create(spec), 7), [0, 1, 2, 0, 1, 2, 0]);
});

it("a heavy backend's turns are spread over the round", () => {
  const pool = new TestPool(placedBackends([5, 1, 1]));
  assert.deepEqual(pickSlots(pool, pool.create(spec), 8), [0, 1, 0, 0, 0, 2, 0, 0]);
});

it("workers start at different places, spread over the round", () => {
  const pool = new TestPool(placedBackends(equalWeights(4)));
  const first = [0, 1].map((index) => pool.create(spec, { worker: { index, count: 2 } }).pick(pool)?.slot);
  assert.deepEqual(first, [0, 2]);
});

it("a refused backend's turns are passed over and the others keep theirs", () => {
  const pool = new TestPool(placedBackends([2, 1, 1]));
  const picker = pool.create(spec);
  const all = pickSlots(pool, pool.create(spec), 8);
  pool.refuse([pool.backends[1]!]);
  const rest = all.filter((slot) => slot !== 1);
  assert.deepEqual(pickSlots(pool, picker, rest.length), rest);
});

it("goes on after a rebuild with the backend that would have come next, or the first after it that is left", () => {
  const member = fc.record({ weight: fc.integer({ min: 1, max: 9 }), stays: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(member, { minLength: 1, maxLength: 12 }),
      fc.nat(60),
      fc.array(fc.nat(8)),
      (members, picks, added) => {
        const backends = placedBackends([
          ...members.map(({ weight }) => weight),
          ...added.map((weight) => weight + 1),
        ]);
        const pool = new TestPool(backends.slice(0, members.length));
        const [previous, twin] = [pool.create(spec), pool.create(spec)];
        pickSlots(pool, previous, picks);
        pickSlots(pool, twin, picks);
        const left = backends.filter(({ slot }) => members[slot]?.stays ?? true);
        fc.pre(left.some(({ slot }) => slot < members.length));
        const rebuilt = pool.create(spec, { backends: left, previous });
        const upcoming = pickSlots(pool, twin, 200);
        assert.equal(
          rebuilt.pick(pool)?.slot,
          upcoming.find((slot) => left.some((backend) => backend.slot === slot)),
        );
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

it("goes on exactly as before when a rebuild changed nothing", () => {
  const pool = new TestPool(placedBackends([5, 3, 3, 1, 7]));
  for (let picks = 0; picks < 20; picks++) {
    const previous = pool.create(spec);
    const twin = pool.create(spec);
    assert.deepEqual(pickSlots(pool, previous, picks), pickSlots(pool, twin, picks));
    assert.deepEqual(pickSlots(pool, pool.create(spec, { previous }), 30), pickSlots(pool, twin, 30));
  }
});

it("starts as a new one when nothing of the previous set is left, or when the previous one was of another type", () => {
  const backends = placedBackends(equalWeights(6));
  const pool = new TestPool(backends);
  const previous = pool.create(spec, { backends: backends.slice(0, 3) });
  previous.pick(pool);
  assert.equal(pool.create(spec, { backends: backends.slice(3), previous }).pick(pool)?.slot, 3);
  assert.equal(pool.create(spec, { previous: pool.create({ type: "random" }) }).pick(pool)?.slot, 0);
});

it("with most of many heavy backends refused, the rest still share by weight", () => {
  const pool = new TestPool(placedBackends(Array.from({ length: 100 }, (_, index) => 255 + (index % 2))));
  const picker = pool.create(spec);
  pool.refuse(pool.backends.slice(2));
  const counts = pool.count(
    picker,
    Array.from({ length: 10_000 }, () => ""),
  );
  assert.ok(Math.abs(counts[0]! / counts[1]! - 255 / 256) < 0.06, `${counts[0]} and ${counts[1]}`);
});

it("does not walk through a whole round of heavy backends to find that all are refused", () => {
  const pool = new TestPool(placedBackends(Array.from({ length: 100 }, (_, index) => 255 + (index % 2))));
  const picker = pool.create(spec);
  let asked = 0;
  const context = { key: { clientAddress: "", serverName: "" }, mayPick: () => ++asked < 0 };
  assert.equal(picker.pick(context), undefined);
  assert.ok(asked <= 300, `asked ${asked} times`);
});
