import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createCounterMemory, kindNames, layout } from "../../src/channel/layout.ts";
import { createSharedMemory, usedSlots } from "../../src/channel/memory.ts";
import { Slots, slotsOf } from "../../src/channel/slots.ts";

test("a slot is never handed out twice at a time, whatever is taken and given back", () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat({ max: 20 })));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (capacity, script) => {
      const slots = new Slots({ capacity, first: 0, size: 1 });
      const taken: number[] = [];
      for (const step of script) {
        if (step === undefined) {
          const slot = slots.take();
          assert.equal(slot === undefined, taken.length === capacity, "undefined only when all are taken");
          if (slot === undefined) continue;
          assert.ok(slot >= 0 && slot < capacity);
          assert.ok(!taken.includes(slot));
          taken.push(slot);
        } else if (taken.length > 0) {
          slots.giveBack(taken.splice(step % taken.length, 1)[0]!);
        }
      }
    }),
  );
});

test("slots that were never used come in rising order, and only when none was given back", () => {
  const used: number[] = [];
  const slots = new Slots({ capacity: 3, first: 0, size: 1 }, (count) => used.push(count));
  assert.deepEqual([slots.take(), slots.take()], [0, 1]);
  slots.giveBack(0);
  assert.deepEqual([slots.take(), slots.take(), slots.take()], [0, 2, undefined]);
  assert.deepEqual(used, [1, 2, 3]);
});

test("the counters of all kinds follow each other without gap or overlap", () => {
  let next = 0;
  for (const kind of kindNames) {
    const slots = slotsOf(kind, createSharedMemory());
    const { capacity, counters } = layout[kind];
    assert.equal(slots.counterCells, counters.size);
    assert.equal(slots.free, capacity);
    for (let slot = 0; slot < capacity; slot++) {
      assert.equal(slots.counters(slot), next);
      next += counters.size;
    }
  }
  assert.equal(createCounterMemory().length, next);
});

test("a slot that is taken is known to be in use to whoever reads the shared memory", () => {
  const shared = createSharedMemory();
  const slots = slotsOf("pool", shared);
  assert.equal(usedSlots(shared, "pool"), 0);
  slots.take();
  slots.giveBack(slots.take()!);
  slots.take();
  assert.deepEqual(
    kindNames.map((kind) => usedSlots(shared, kind)),
    kindNames.map((kind) => (kind === "pool" ? 2 : 0)),
  );
});
