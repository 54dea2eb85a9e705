import assert from "node:assert/strict";
import { test } from "node:test";
import { Unchecked } from "../../../src/control/backends/unchecked.ts";
import type { ManagedPool } from "../../../src/control/state/managed-pool.ts";
import { fakeBackends } from "../../support/fake-plane.ts";
import { FakeTimers } from "../../support/fake-timers.ts";

test("a backend is not picked until its first check is over, or has taken a second", async () => {
  const timers = new FakeTimers();
  const marks: [slot: number, on: boolean][] = [];
  const setChecking = (_: ManagedPool, { slot }: { readonly slot: number }, on: boolean): void => {
    marks.push([slot, on]);
  };
  const unchecked = new Unchecked({ setChecking }, timers);
  const [one, two] = fakeBackends;
  const pool = {} as ManagedPool;
  unchecked.begin(pool, one!);
  await timers.advance(400);
  unchecked.begin(pool, two!);
  assert.deepEqual(unchecked.standing(one!), { cause: "its first check is not over", age: 400, left: 600 });
  unchecked.end(two!.slot);
  unchecked.end(two!.slot);
  await timers.advance(599);
  unchecked.sweep();
  assert.deepEqual(marks, [
    [one!.slot, true],
    [two!.slot, true],
    [two!.slot, false],
  ]);
  await timers.advance(1);
  unchecked.sweep();
  assert.deepEqual(marks.at(-1), [one!.slot, false]);
  assert.equal(unchecked.standing(one!), undefined);
});
