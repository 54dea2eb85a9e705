import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { createSharedMemory, memoryShort } from "../../../src/channel/memory.ts";
import { MemoryWatch, usableMemory, writeLimits } from "../../../src/control/process/load.ts";

test("memory is short above the limit, and there again clearly below it; the log says so once", () => {
  const lines: string[] = [];
  const logger = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) });
  const shared = createSharedMemory();
  let used = 0;
  const watch = new MemoryWatch(shared, logger, () => used, 1_000);
  const look = (percent: number): number => {
    used = percent * 10;
    watch.look();
    return shared.process[memoryShort]!;
  };
  const policy = { maxRequests: undefined, eventLoopDelay: undefined, memory: 90 };
  writeLimits(shared, policy);
  assert.deepEqual([80, 90, 91, 89, 86, 85, 89, 91].map(look), [0, 0, 1, 1, 1, 0, 0, 1]);
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { level: number }).level),
    [40, 30, 40],
  );
  writeLimits(shared, { ...policy, memory: undefined });
  assert.equal(look(99), 0, "it is not looked at any more");
});

test("the memory of the control group or of the machine is known", () => {
  assert.ok(usableMemory() > 64 * 1_024 * 1_024);
});
