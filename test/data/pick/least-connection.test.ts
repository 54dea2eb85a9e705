import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import type { PickerSpec } from "../../../src/model/pool.ts";
import { equalWeights, placedBackends, seededRandom, TestPool } from "../../support/pickers.ts";

const spec: PickerSpec = { type: "least-connection" };
const member = fc.record({
  weight: fc.integer({ min: 1, max: 256 }),
  refused: fc.boolean(),
  active: fc.integer({ min: 0, max: 8_000_000 }),
});

it("no backend that may be picked would have less load for its weight", () => {
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 30 }), (members) => {
      const pool = new TestPool(placedBackends(members.map(({ weight }) => weight)));
      for (const [slot, { refused, active }] of members.entries()) {
        pool.refused[slot] = Number(refused);
        pool.active[slot] = active;
      }
      const picked = pool.create(spec).pick(pool);
      if (picked === undefined) return assert.ok(members.every(({ refused }) => refused));
      for (const other of pool.backends.filter((backend) => pool.mayPick(backend))) {
        const [a, b] = [pool.active[picked.slot]! + 1, pool.active[other.slot]! + 1];
        assert.ok(BigInt(a) * BigInt(other.weight) <= BigInt(b) * BigInt(picked.weight));
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});

it("equals take turns", () => {
  const pool = new TestPool(placedBackends(equalWeights(4)));
  const picker = pool.create(spec);
  const slots = Array.from({ length: 8 }, () => picker.pick(pool)!.slot);
  assert.deepEqual(new Set(slots.slice(0, 4)), new Set([0, 1, 2, 3]));
  assert.deepEqual(slots.slice(4), slots.slice(0, 4));
});

it("equals take turns also while a busier backend stands between them", () => {
  const pool = new TestPool(placedBackends(equalWeights(4)));
  pool.active[1] = 5;
  const counts = pool.count(
    pool.create(spec),
    Array.from({ length: 300 }, () => ""),
  );
  assert.deepEqual([...counts.subarray(0, 4)], [100, 0, 100, 100]);
});

it("workers do not all begin with the same backend", () => {
  const pool = new TestPool(placedBackends(equalWeights(50)));
  const first = [1, 2, 3, 4].map(
    (seed) => pool.create(spec, { random: seededRandom(seed) }).pick(pool)?.slot,
  );
  assert.ok(new Set(first).size > 1, `${first}`);
});
