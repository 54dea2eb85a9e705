import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backendCell, endReasonList, listenerCell } from "../../../src/channel/counters.ts";
import { countersOf, gaugesOf, kindNames } from "../../../src/channel/layout.ts";
import { createSharedMemory, openConnections, openRequests } from "../../../src/channel/memory.ts";
import { slotsOf } from "../../../src/channel/slots.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { closeBooks } from "../../../src/control/workers/books.ts";

const slots = 3;
const gauges = kindNames.flatMap((kind) => gaugesOf(kind).map((gauge) => ({ kind, ...gauge })));

/** The things that two workers have open: of each gauge, in each slot. */
const opens = fc.array(fc.tuple(fc.nat(5), fc.nat(5)), {
  minLength: gauges.length * slots,
  maxLength: gauges.length * slots,
});

test("what a dead worker had open is counted as ended, and what the others have is not", () => {
  fc.assert(
    fc.property(opens, (counts) => {
      const shared = createSharedMemory();
      const counters = new WorkerCounters(2);
      for (const kind of kindNames) {
        const places = slotsOf(kind, shared, counters);
        for (let slot = 0; slot < slots; slot++) places.take();
      }
      const { memories } = counters;
      let connections = 0;
      let requests = 0;
      for (const [index, { kind, gauge, rises, falls }] of gauges.entries())
        for (let slot = 0; slot < slots; slot++) {
          const own = counts[index * slots + slot]!;
          for (const [worker, open] of own.entries()) {
            memories[worker]![countersOf(kind, slot) + rises] = 7 + open;
            memories[worker]![countersOf(kind, slot) + falls] = 7;
          }
          Atomics.store(shared[gauge], slot, own[0] + own[1]);
          if (gauge === "listenerActive") connections += own[0] + own[1];
          if (gauge === "listenerRequests") requests += own[0] + own[1];
        }
      Atomics.store(shared.process, openConnections, connections);
      Atomics.store(shared.process, openRequests, requests);

      closeBooks(memories[0]!, shared);
      let left = 0;
      let leftRequests = 0;
      for (const [index, { kind, gauge, rises, falls }] of gauges.entries())
        for (let slot = 0; slot < slots; slot++) {
          const [dead, alive] = counts[index * slots + slot]!;
          const first = countersOf(kind, slot);
          assert.equal(shared[gauge][slot], alive);
          assert.equal(memories[0]![first + falls], memories[0]![first + rises]);
          assert.equal(memories[1]![first + falls], 7);
          if (gauge === "listenerRequests") leftRequests += alive;
          if (gauge !== "listenerActive") continue;
          left += alive;
          const told = first + listenerCell.ends + endReasonList.indexOf("worker_died");
          assert.equal(memories[0]![told], dead);
        }
      assert.equal(shared.process[openConnections], left);
      assert.equal(shared.process[openRequests], leftRequests);
    }),
    { numRuns: 20 },
  );
});

test("connections of HTTP/2 that a dead worker had to backends are gone with it", () => {
  const shared = createSharedMemory();
  const counters = new WorkerCounters(2);
  const place = slotsOf("backend", shared, counters).take()!;
  const { memories } = counters;
  const cells = [backendCell.http2Connections, backendCell.http2Streams].map(
    (cell) => countersOf("backend", place) + cell,
  );
  for (const memory of memories) for (const cell of cells) memory[cell] = 3;
  closeBooks(memories[0]!, shared);
  assert.deepEqual(
    memories.map((memory) => cells.map((cell) => memory[cell])),
    [
      [0, 0],
      [3, 3],
    ],
  );
});
