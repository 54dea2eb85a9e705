import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  endOfWait,
  endWithoutPick,
  mayTry,
  refusalToWait,
  type Wait,
  waitBehind,
} from "../../../src/data/decide/wait.ts";

const waits = ["room", "retry", "check"] as const satisfies readonly Wait[];

test("a first backend is always tried, another one only while there are attempts and time left", () => {
  assert.equal(mayTry(0, 3, true), true);
  assert.equal(mayTry(0, 0, false), true, "a pool without backends says so itself");
  assert.equal(mayTry(1, 3, false), true);
  assert.equal(mayTry(1, 3, true), false);
  assert.equal(mayTry(3, 3, false), false);
});

test("whoever wants the same waits behind those that wait, and behind nobody else", () => {
  const queue = (...held: Wait[]) => ({ has: (wait: Wait) => held.includes(wait) });
  assert.equal(waitBehind(true, queue("room", "check")), "room");
  assert.equal(waitBehind(true, queue("retry", "check")), undefined);
  assert.equal(waitBehind(false, queue("retry")), "retry");
  assert.equal(waitBehind(false, queue("room", "check")), undefined);
});

test("without a backend and anything to wait for, the reason says whether backends were tried", () => {
  assert.equal(endWithoutPick("none", true), "no_backend");
  assert.equal(endWithoutPick("none", false), "connect_failed");
  assert.equal(endWithoutPick("no_retry", false), "retry_budget");
});

test("where the queue has no place, the reason is the one that waiting for too long has, but for room", () => {
  assert.deepEqual(
    waits.map((wait) => [refusalToWait(wait, true), refusalToWait(wait, false)]),
    [
      [undefined, "queue_full"],
      [undefined, "retry_budget"],
      [undefined, "no_backend"],
    ],
  );
});

test("a wait ends once for each of its reasons: later than its longest time, and then for good", () => {
  const reasons = { room: "queue_timeout", retry: "retry_budget", check: "no_backend" } as const;
  const longest = (timeout: number) => ({ room: timeout, retry: 1_000, check: 2_000 });
  fc.assert(
    fc.property(fc.constantFrom(...waits), fc.nat(5_000), fc.nat(5_000), (wait, waited, timeout) => {
      const over = waited > longest(timeout)[wait];
      assert.equal(endOfWait(wait, waited, timeout), over ? reasons[wait] : undefined);
    }),
  );
});
