import assert from "node:assert/strict";
import { test } from "node:test";
import { FirstChecks } from "../../../src/control/backends/first-checks.ts";
import { FakeTimers } from "../../support/fake-timers.ts";
import { backendAt, HealthScene, tcpCheck } from "./health-scene.ts";

test("128 first checks are under way at a time; the end of one lets the next begin, in order", () => {
  const checks = new FirstChecks(new FakeTimers());
  const begun: number[] = [];
  const leave = Array.from({ length: 200 }, (_, index) => checks.enter(() => begun.push(index)));
  assert.equal(begun.length, 128);
  leave[5]!();
  leave[5]!();
  assert.deepEqual(begun.slice(128), [128]);
  // Gives up while it waits.
  leave[129]!();
  leave[6]!();
  assert.deepEqual(begun.slice(128), [128, 130]);
  checks.stop();
  leave[7]!();
  assert.equal(begun.length, 130);
});

test("one that waits for its backend makes room after a quarter of a second", async () => {
  const timers = new FakeTimers();
  const checks = new FirstChecks(timers);
  let begun = 0;
  const leave = Array.from({ length: 300 }, () => checks.enter(() => begun++));
  await timers.advance(249);
  assert.equal(begun, 128);
  await timers.advance(1);
  assert.equal(begun, 256);
  await timers.advance(250);
  assert.equal(begun, 300);
  for (const each of leave) each();
  assert.equal(timers.waiting, 0);
});

test("of many backends, each first check has the whole timeout from the moment in which it begins", async () => {
  const ports = Array.from({ length: 300 }, (_, index) => index + 1);
  const scene = new HealthScene({ check: { ...tcpCheck, timeout: 1_000 } }, []);
  for (const port of ports) scene.faults.set(`127.0.0.1:${port}`, "hangs");
  scene.found(ports.map((port) => backendAt(port)));
  const down = (): number => ports.filter((port) => scene.has(port, "down")).length;
  assert.equal(scene.checks.length, 128);
  await scene.timers.advance(999);
  assert.deepEqual([scene.checks.length, down()], [300, 0]);
  await scene.timers.advance(1);
  assert.equal(down(), 128);
  await scene.timers.advance(250);
  assert.equal(down(), 256);
  await scene.timers.advance(250);
  assert.equal(down(), 300);
  scene.monitor.stop();
  assert.equal(scene.timers.waiting, 0);
});

test("the first checks of many backends that answer are not slowed down, and none begins after the end", async () => {
  const backends = Array.from({ length: 1_000 }, (_, index) => backendAt(index + 1));
  const scene = new HealthScene({ check: tcpCheck }, backends);
  await scene.monitor.firstResults();
  assert.deepEqual([scene.checks.length, scene.timers.now()], [1_000, 0]);
  scene.monitor.stop();
  const stopped = new HealthScene({ check: tcpCheck }, backends);
  stopped.monitor.stop();
  await stopped.timers.advance(1_000);
  assert.equal(stopped.checks.length, 128);
});
