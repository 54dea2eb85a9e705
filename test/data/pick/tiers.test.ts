import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { backendFlag } from "../../../src/channel/memory.ts";
import { createTieredPicker } from "../../../src/data/pick/tiers.ts";
import type { PlacedBackend } from "../../../src/model/backend.ts";
import type { PickerSpec } from "../../../src/model/pool.ts";
import { equalWeights, pickerVariants, placedBackends, TestPool } from "../../support/pickers.ts";

const roundRobin: PickerSpec = { type: "round-robin" };

/** The last `backups` of `count` are backups. */
function poolWithBackups(count: number, backups: number): TestPool {
  const backends = placedBackends(equalWeights(count));
  return new TestPool(
    backends.map((backend) => ({ ...backend, tier: backend.slot >= count - backups ? 1 : 0 })),
  );
}

for (const { name, spec } of pickerVariants) {
  it(`${name}: a backup is picked only while no primary may be`, () => {
    const pool = poolWithBackups(5, 2);
    const picker = createTieredPicker({ picker: spec }, pool.inputs);
    const attempts: (PlacedBackend | undefined)[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      const backend = picker.pick(pool);
      attempts.push(backend);
      if (backend !== undefined) pool.refused[backend.slot] = 1;
    }
    assert.deepEqual(
      attempts.map((backend) => backend?.tier),
      [0, 0, 0, 1, 1, undefined],
    );
    pool.refuse([]);
    assert.equal(picker.pick(pool)?.tier, 0);
  });

  it(`${name}: an empty pool has no backend, and gets one when it is rebuilt with some`, () => {
    const pool = poolWithBackups(3, 0);
    const previous = createTieredPicker({ picker: spec }, { ...pool.inputs, backends: [] });
    assert.equal(previous.pick(pool), undefined);
    assert.ok(createTieredPicker({ picker: spec }, { ...pool.inputs, previous }).pick(pool) !== undefined);
  });
}

it("whatever may be picked, it is of the lowest tier that has such a backend", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.boolean()), { minLength: 1, maxLength: 20 }),
      (backends) => {
        const placed = placedBackends(equalWeights(backends.length));
        const pool = new TestPool(
          placed.map((backend, index) => ({ ...backend, tier: backends[index]![0] })),
        );
        pool.refuse(pool.backends.filter((_, index) => backends[index]![1]));
        const open = backends.filter(([, refused]) => !refused).map(([tier]) => tier);
        const picked = createTieredPicker({ picker: roundRobin }, pool.inputs).pick(pool)?.tier;
        assert.equal(picked, open.length === 0 ? undefined : Math.min(...open));
      },
    ),
  );
});

it("a pool of nothing but backups uses them", () => {
  const pool = poolWithBackups(2, 2);
  assert.equal(createTieredPicker({ picker: roundRobin }, pool.inputs).pick(pool)?.tier, 1);
});

it("both tiers keep their place over a rebuild, also when the other tier comes or goes", () => {
  const pool = poolWithBackups(6, 3);
  const first = createTieredPicker({ picker: roundRobin }, pool.inputs);
  const primaries = pool.backends.slice(0, 3);
  assert.equal(first.pick(pool)?.slot, 0);
  pool.refuse(primaries);
  assert.equal(first.pick(pool)?.slot, 3);
  const second = createTieredPicker({ picker: roundRobin }, { ...pool.inputs, previous: first });
  assert.equal(second.pick(pool)?.slot, 4);
  pool.refuse([]);
  assert.equal(second.pick(pool)?.slot, 1);
  const third = createTieredPicker(
    { picker: roundRobin },
    { ...pool.inputs, backends: primaries, previous: second },
  );
  assert.equal(third.pick(pool)?.slot, 2);
});

it("with a factor, tiers share the sessions as soon as too little of the first is healthy", () => {
  const backends = placedBackends(equalWeights(10)).map((backend) => ({
    ...backend,
    tier: backend.slot < 7 ? 0 : 1,
  }));
  /** Of 1,000 picks, those that come to the first tier, with so many of its 7 down. */
  const firstOf = (down: number): number => {
    const pool = new TestPool(backends);
    const refused = backends.slice(0, down);
    pool.refuse(refused);
    for (const { slot } of refused) pool.flags[slot] = backendFlag.down;
    const picker = createTieredPicker({ picker: roundRobin, overprovisioning: 140 }, pool.inputs);
    let first = 0;
    for (let count = 0; count < 1_000; count++) if (picker.pick(pool)?.tier === 0) first++;
    return first;
  };
  assert.deepEqual([firstOf(0), firstOf(2), firstOf(7)], [1_000, 1_000, 0]);
  // 3 of 7 are healthy: 60 %.
  const some = firstOf(4);
  assert.ok(some > 540 && some < 660, `${some} of 1000`);
});

it("with a factor, a key stays in its tier, and a tier whose picker finds nobody gives way", () => {
  const backends = placedBackends(equalWeights(4)).map((backend) => ({
    ...backend,
    tier: backend.slot < 2 ? 0 : 1,
  }));
  const pool = new TestPool(backends);
  pool.flags[0] = backendFlag.down;
  pool.refuse([backends[0]!]);
  const picker = createTieredPicker({ picker: roundRobin, overprovisioning: 100 }, pool.inputs);
  const asked = (key: string): number | undefined =>
    picker.pick({ key: { ...pool.key, key }, mayPick: (backend) => pool.mayPick(backend) })?.tier;
  const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`);
  assert.deepEqual(keys.map(asked), keys.map(asked));
  assert.deepEqual(new Set(keys.map(asked)), new Set([0, 1]));
  pool.refuse(backends.slice(0, 3));
  assert.deepEqual(new Set(keys.map(asked)), new Set([1]));
});
