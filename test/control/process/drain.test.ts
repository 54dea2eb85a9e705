import assert from "node:assert/strict";
import { test } from "node:test";
import { type Drainable, drain } from "../../../src/control/process/drain.ts";

/** Sessions that end one each time they are looked at, down to `stuck`. */
class Sessions implements Drainable {
  readonly steps: string[] = [];
  readonly #began = performance.now();
  readonly #stuck: number;
  #open: number;
  #ended = 100;

  constructor(open: number, stuck = 0) {
    this.#open = open;
    this.#stuck = stuck;
  }

  begin(): void {
    this.#step("begin");
  }

  async stopAccepting(): Promise<void> {
    this.#step("stop accepting");
  }

  open(): number {
    if (this.#open > this.#stuck) {
      this.#open--;
      this.#ended++;
    }
    return this.#open;
  }

  ended(): number {
    return this.#ended;
  }

  async cut(reason: string): Promise<number> {
    this.#step(`cut: ${reason}`);
    this.#ended += this.#open;
    return this.#open;
  }

  readonly times: number[] = [];

  #step(name: string): void {
    this.steps.push(name);
    this.times.push(performance.now() - this.#began);
  }
}

const never = new AbortController().signal;

test("readiness fails first, then nothing more is accepted, then sessions end by themselves", async () => {
  const sessions = new Sessions(3);
  const drained = await drain({ delay: 50, timeout: 60_000 }, sessions, never);
  assert.deepEqual(drained, { ended: 3, cut: 0 });
  assert.deepEqual(sessions.steps, ["begin", "stop accepting", "cut: drain_deadline"]);
  assert.ok(sessions.times[1]! - sessions.times[0]! >= 49);
});

test("what is left at the deadline is cut", async () => {
  const sessions = new Sessions(5, 2);
  const drained = await drain({ delay: 0, timeout: 200 }, sessions, never);
  assert.deepEqual(drained, { ended: 3, cut: 2 });
  assert.equal(sessions.steps.at(-1), "cut: drain_deadline");
  assert.ok(sessions.times.at(-1)! >= 199);
});

test("being told to hurry ends the delay and the wait", async () => {
  for (const delay of [0, 60_000]) {
    const sessions = new Sessions(1, 1);
    const hurry = new AbortController();
    const drained = drain({ delay, timeout: 60_000 }, sessions, hurry.signal);
    setTimeout(() => hurry.abort(), 30);
    assert.deepEqual(await drained, { ended: 0, cut: 1 });
    assert.deepEqual(sessions.steps, ["begin", "stop accepting", "cut: stopped"]);
  }
});

test("a delay that timers cannot take does not end at once", async () => {
  const hurry = new AbortController();
  const sessions = new Sessions(0);
  const drained = drain({ delay: 30 * 86_400_000, timeout: 0 }, sessions, hurry.signal);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(sessions.steps, ["begin"]);
  hurry.abort();
  await drained;
});
