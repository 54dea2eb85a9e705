import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { stackOfHung } from "../../../src/control/workers/hung-stack.ts";
import { emptySeat } from "../../../src/control/workers/seat.ts";
import { Watchdog } from "../../../src/control/workers/watchdog.ts";
import { FakeTimers } from "../../support/fake-timers.ts";

/** Two workers that serve, without threads; the test turns their event loops. */
function scene() {
  const timers = new FakeTimers();
  const turns = new Int32Array(new SharedArrayBuffer(8));
  const seats = [1, 2].map((id) => ({ ...emptySeat(id), ready: true, serving: true }));
  const hung: number[] = [];
  const watchdog = new Watchdog(seats, turns, timers, ({ id }) => hung.push(id));
  watchdog.limit = 10_000;
  watchdog.start();
  /** @param turning the workers whose event loops turn meanwhile. */
  const pass = async (time: number, ...turning: number[]): Promise<void> => {
    for (let passed = 0; passed < time; passed += 500) {
      for (const id of turning) turns[id - 1]! += 1;
      await timers.advance(500);
    }
  };
  return { timers, seats, hung, watchdog, pass };
}

test("a worker whose event loop does not turn for the limit is told of once, and those that turn are not", async () => {
  const { seats, hung, watchdog, pass } = scene();
  await pass(5_000, 1, 2);
  await pass(4_000, 2);
  assert.equal(watchdog.isSilent(seats[0]!), false);
  await pass(2_000, 2);
  assert.equal(watchdog.isSilent(seats[0]!), true);
  assert.equal(watchdog.isSilent(seats[1]!), false);
  assert.deepEqual(hung, []);
  await pass(4_500, 2);
  assert.deepEqual(hung, [1]);
  await pass(60_000, 2);
  assert.deepEqual(hung, [1]);
});

test("a worker that turns before the limit was only slow", async () => {
  const { seats, hung, watchdog, pass } = scene();
  for (let round = 0; round < 5; round++) {
    await pass(8_500, 2);
    await pass(1_000, 1, 2);
  }
  assert.deepEqual(hung, []);
  assert.equal(watchdog.isSilent(seats[0]!), false);
});

test("nothing is held against workers of a machine that was suspended", async () => {
  const { hung, pass, timers } = scene();
  await pass(2_000, 1, 2);
  const { now } = timers;
  let asleep = 0;
  timers.now = () => now.call(timers) + asleep;
  for (let night = 0; night < 20; night++) {
    asleep += 8 * 3_600_000;
    // This thread's timer may be the first thing that runs.
    await pass(1_000);
    await pass(1_000, 1, 2);
  }
  assert.deepEqual(hung, []);
});

test("a thread that does not serve yet has a minute, and one that has not begun is not watched", async () => {
  const { seats, hung, pass } = scene();
  seats[0]!.serving = false;
  seats[1]!.ready = false;
  await pass(59_000);
  assert.deepEqual(hung, []);
  await pass(2_500);
  assert.deepEqual(hung, [1]);
});

test("the limit can be changed, also to none at all, while the watchdog looks", async () => {
  const { hung, watchdog, pass } = scene();
  watchdog.limit = undefined;
  await pass(200_000);
  assert.deepEqual(hung, []);
  watchdog.limit = 2_000;
  await pass(10_000, 2);
  assert.deepEqual(hung, [1]);
  watchdog.stop();
});

const innermost = /^ {4}at hangsHere \(\[worker eval\]:3:\d+\)\n {4}at /;
for (const [how, code, expected] of [
  // A loop that was optimised while it ran may be told of by its caller alone.
  ["an endless loop", "for (;;);", /^ {4}at (?:hangsHere|processImmediate) \(/],
  ["a regular expression", '/^(a+)+$/.test("a".repeat(40) + "b");', innermost],
  ["a wait", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);", innermost],
] as const)
  test(`the stack of a thread that hangs in ${how} is told`, async () => {
    const program = `
      const begun = require("node:worker_threads").workerData;
      function hangsHere() { Atomics.store(begun, 0, 1); Atomics.notify(begun, 0); ${code} }
      setImmediate(hangsHere);`;
    const begun = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Worker(program, { eval: true, workerData: begun });
    await Atomics.waitAsync(begun, 0, 0).value;
    const stack = await stackOfHung(thread);
    assert.match(stack ?? "", expected);
    await thread.terminate();
  });

test("a thread that does not answer, or has ended, has no stack", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const silent = stackOfHung({ startCpuProfile: () => new Promise(() => {}) });
  t.mock.timers.tick(1_000);
  assert.equal(await silent, undefined);
  assert.equal(await stackOfHung({ startCpuProfile: () => Promise.reject(new Error("ended")) }), undefined);
});
