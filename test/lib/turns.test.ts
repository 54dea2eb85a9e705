import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Turns } from "../../src/lib/turns.ts";

const never = new AbortController().signal;

test("no more than so many work at once, in the order in which they came", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
  const runs = gates.map(({ promise }, index) =>
    turns.run(() => {
      begun.push(index);
      return promise;
    }, never),
  );
  await setImmediate();
  assert.deepEqual(begun, [0, 1]);
  gates[1]!.resolve(1);
  await setImmediate();
  assert.deepEqual(begun, [0, 1, 2]);
  gates[0]!.reject(new Error("failed"));
  await assert.rejects(runs[0]!, /failed/);
  await setImmediate();
  assert.deepEqual(begun, [0, 1, 2, 3]);
  for (const { resolve } of gates) resolve(0);
  await Promise.all(runs.slice(1));
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
});

test("who no longer waits is passed over, and leaves its turn to others", async () => {
  const turns = new Turns(1);
  const gate = Promise.withResolvers<void>();
  const first = turns.run(() => gate.promise, never);
  const stop = new AbortController();
  const second = turns.run(() => assert.fail("it has left"), stop.signal);
  const third = turns.run(async () => "third", never);
  stop.abort(new Error("left"));
  await assert.rejects(second, /left/);
  gate.resolve();
  await first;
  assert.equal(await third, "third");
  await assert.rejects(
    turns.run(() => assert.fail("it never began"), stop.signal),
    /left/,
  );
  assert.equal(await turns.run(async () => "free", never), "free");
});
