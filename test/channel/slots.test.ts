import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backendCell, createCounterMemory, listenerCell, poolCell } from "../../src/channel/counters.ts";
import { backendCapacity, listenerCapacity, poolCapacity } from "../../src/channel/memory.ts";
import { backendSlots, listenerSlots, poolSlots, Slots } from "../../src/channel/slots.ts";

test("a slot is never handed out twice at a time, whatever is taken and given back", () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat({ max: 20 })));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (capacity, script) => {
      const slots = new Slots(capacity, 0, 1);
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
  const slots = new Slots(3, 0, 1);
  assert.deepEqual([slots.take(), slots.take()], [0, 1]);
  slots.giveBack(0);
  assert.deepEqual([slots.take(), slots.take(), slots.take()], [0, 2, undefined]);
});

test("the counters of all listeners, pools and backends follow each other without gap or overlap", () => {
  const kinds = [
    { slots: listenerSlots(), capacity: listenerCapacity, cells: listenerCell.size },
    { slots: poolSlots(), capacity: poolCapacity, cells: poolCell.size },
    { slots: backendSlots(), capacity: backendCapacity, cells: backendCell.size },
  ];
  let next = 0;
  for (const { slots, capacity, cells } of kinds) {
    assert.equal(slots.counterCells, cells);
    for (let slot = 0; slot < capacity; slot++) {
      assert.equal(slots.counters(slot), next);
      next += cells;
    }
  }
  assert.equal(createCounterMemory().length, next);
});
