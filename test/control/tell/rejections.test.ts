import assert from "node:assert/strict";
import { test } from "node:test";
import { listenerCell, rejectReasonList } from "../../../src/channel/counters.ts";
import { createCounterMemory } from "../../../src/channel/layout.ts";
import { watchRejections } from "../../../src/control/tell/rejections.ts";
import type { RejectReason } from "../../../src/model/reasons.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { testInput } from "./metrics-input.ts";

test("refusals are logged once a second for each listener and reason, and the last ones at the end", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { web } = testInput();
  const memories = [createCounterMemory(), createCounterMemory()];
  const lines: unknown[] = [];
  const sink = {
    write: (text: string): void => {
      const { level, listener, reason, refused } = JSON.parse(text);
      lines.push([level, listener, reason, refused]);
    },
  };
  const refuse = (worker: number, reason: RejectReason): void => {
    memories[worker]![web.counters + listenerCell.rejected + rejectReasonList.indexOf(reason)]! += 1;
  };
  const watch = watchRejections(() => [web], memories, createLogger({ level: "info" }, sink));
  const seconds = (count: number): unknown[] => {
    t.mock.timers.tick(count * 1000);
    return lines.splice(0);
  };
  assert.deepEqual(seconds(3), []);
  for (let count = 0; count < 500; count++) refuse(count % 2, "max_connections");
  refuse(0, "file_descriptors");
  assert.deepEqual(seconds(1), [
    ["warn", "web", "max_connections", 500],
    ["warn", "web", "file_descriptors", 1],
  ]);
  assert.deepEqual(seconds(5), []);
  refuse(1, "max_connections");
  assert.deepEqual(seconds(1), [["warn", "web", "max_connections", 1]]);
  refuse(1, "max_connections");
  watch.stop();
  assert.deepEqual(seconds(5), [["warn", "web", "max_connections", 1]]);
});
