import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../../src/control/backends/deadlines.ts";
import { FakeTimers } from "../../support/fake-timers.ts";

test("what is overdue is told once, and remembered until it is cleared", async () => {
  const timers = new FakeTimers();
  const deadlines = new Deadlines(timers);
  const told: string[] = [];
  const tell = (text: string) => () => void told.push(`${timers.now()} ${text}`);
  deadlines.set("a", 100, tell("a"));
  deadlines.set("b", 200, tell("b"));
  deadlines.set("c", 300, tell("c"));
  deadlines.set("b", 50, tell("b, sooner"));
  assert.deepEqual([deadlines.left("a"), deadlines.left("x")], [100, Number.POSITIVE_INFINITY]);
  deadlines.clear("c");
  await timers.advance(1_000);
  assert.deepEqual(told, ["50 b, sooner", "100 a"]);
  assert.deepEqual([deadlines.has("a"), deadlines.left("a"), deadlines.has("c")], [true, 0, false]);
  deadlines.set("d", 100, tell("d"));
  deadlines.clearAll();
  assert.deepEqual([deadlines.has("a"), deadlines.has("d"), timers.waiting], [false, false, 0]);
});
