import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { followTimeOfDay, timeOfDay } from "../../src/data/clock.ts";
import { beginRead, endRead, eventTime } from "../../src/lib/read-time.ts";

const passed = (time: number): void => {
  while (performance.now() - time < 1);
};

test("time stands still while bytes that came are dealt with, and goes on behind them", () => {
  beginRead();
  const came = eventTime();
  passed(came);
  assert.equal(eventTime(), came);
  endRead();
  assert.ok(eventTime() > came);
});

test("the system is asked for the time of a read once, and of one that nobody wants to know it of never", (context) => {
  const { mock: asked } = context.mock.method(performance, "now");
  beginRead();
  endRead();
  assert.equal(asked.callCount(), 0);
  beginRead();
  eventTime();
  eventTime();
  endRead();
  assert.equal(asked.callCount(), 1);
});

test("the time of the day is that of the system, also where that is set meanwhile", () => {
  assertPresent();
  mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  followTimeOfDay();
  assert.ok(timeOfDay() >= 1_000_000 && timeOfDay() < 1_010_000);
  mock.timers.reset();
  followTimeOfDay();
  assertPresent();
});

function assertPresent(): void {
  const before = Date.now();
  const time = timeOfDay();
  assert.ok(time >= before - 3 && time <= Date.now() + 3);
}

test("rounding does not turn the time of the day back", () => {
  let last = 0;
  for (let count = 0; count < 1_000; count++) {
    followTimeOfDay();
    assert.ok(timeOfDay() >= last);
    last = timeOfDay();
  }
});
