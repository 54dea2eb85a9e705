import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countersOf, kindNames, layout } from "../../src/channel/layout.ts";
import { createSharedMemory, usedSlots } from "../../src/channel/memory.ts";
import { Slots, slotsOf } from "../../src/channel/slots.ts";
import { WorkerCounters } from "../../src/channel/worker-counters.ts";

test("a slot is never handed out twice at a time, whatever is taken and given back", () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat({ max: 20 })));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (capacity, script) => {
      const slots = new Slots(capacity);
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
  const slots = new Slots(3, (count) => used.push(count));
  assert.deepEqual([slots.take(), slots.take()], [0, 1]);
  slots.giveBack(0);
  assert.deepEqual([slots.take(), slots.take(), slots.take()], [0, 2, undefined]);
  assert.deepEqual(used, [1, 2, 3]);
});

test("the counters of all slots of all kinds lie beside each other, without overlap", () => {
  const taken = kindNames
    .flatMap((kind) => {
      const { capacity, counters } = layout[kind];
      return Array.from({ length: capacity }, (_, slot) => {
        const first = countersOf(kind, slot);
        return [first, first + counters.size] as const;
      });
    })
    .sort(([a], [b]) => a - b);
  assert.equal(taken[0]![0], 0);
  for (const [index, [first]] of taken.entries()) if (index > 0) assert.equal(first, taken[index - 1]![1]);
});

test("there is room for the counters of each slot that is taken, and for little more", () => {
  for (const kind of kindNames) {
    const counters = new WorkerCounters(2);
    const slots = slotsOf(kind, createSharedMemory(), counters);
    const { memories } = counters;
    const lengthAtFirst = memories[0]!.length;
    memories[1]![0] = 5;
    const early = memories[1]!;
    for (let slot = slots.take(); slot !== undefined; slot = slots.take()) {
      const end = countersOf(kind, slot) + layout[kind].counters.size;
      for (const { length } of memories) assert.ok(length >= end && length < end + lengthAtFirst);
    }
    early[0]! += 1;
    assert.equal(memories[1]![0], 6, "an older view is of the same memory");
    assert.equal(memories[0]!.length, 1_024 * lengthAtFirst);
  }
});

test("a slot that is taken is known to be in use to whoever reads the shared memory", () => {
  const shared = createSharedMemory();
  const slots = slotsOf("pool", shared, new WorkerCounters(1));
  assert.equal(usedSlots(shared, "pool"), 0);
  slots.take();
  slots.giveBack(slots.take()!);
  slots.take();
  assert.deepEqual(
    kindNames.map((kind) => usedSlots(shared, kind)),
    kindNames.map((kind) => (kind === "pool" ? 2 : 0)),
  );
});
