import assert from "node:assert/strict";
import { test } from "node:test";
import { backendAt, HealthScene, policy, tcpCheck } from "./health-scene.ts";

const slowStart = 30_000;
const refused = new Error("connect ECONNREFUSED");
const backends = (...ports: number[]) => ports.map((port) => backendAt(port));

/** The weights of backends 1, 2, 3, …, in percent. */
const weights = (scene: HealthScene, count: number): number[] =>
  Array.from({ length: count }, (_, index) => scene.weight(index + 1));

test("a new backend's weight grows from a tenth to all of it, in a line, and others keep theirs", async () => {
  const scene = new HealthScene({ slowStart }, backends(1, 2));
  assert.deepEqual(weights(scene, 2), [100, 100]);
  await scene.timers.advance(1_000);
  scene.found(backends(1, 2, 3));
  assert.deepEqual(weights(scene, 3), [100, 100, 10]);
  for (let tenth = 1; tenth <= 10; tenth++) {
    await scene.timers.advance(slowStart / 10);
    const due = 10 + 9 * tenth;
    assert.ok(Math.abs(scene.weight(3) - due) <= 1, `${scene.weight(3)} instead of ${due}`);
  }
  await scene.timers.advance(200);
  assert.deepEqual(weights(scene, 3), [100, 100, 100]);
  scene.monitor.stop();
});

test("without slow_start, or when all of a pool are new, every backend has its weight at once", () => {
  const without = new HealthScene({}, backends(1, 2));
  without.found(backends(1, 2, 3));
  assert.deepEqual(weights(without, 3), [100, 100, 100]);
  without.monitor.stop();
  const scene = new HealthScene({ slowStart }, []);
  scene.found(backends(1, 2, 3));
  assert.deepEqual(weights(scene, 3), [100, 100, 100]);
  // None stays.
  scene.found(backends(4, 5));
  assert.deepEqual([scene.weight(4), scene.weight(5)], [100, 100]);
  scene.monitor.stop();
});

test("it goes on over changes of the set, and a backend that comes back begins anew", async () => {
  const scene = new HealthScene({ slowStart }, backends(1));
  scene.found(backends(1, 2));
  await scene.timers.advance(slowStart / 2);
  const half = scene.weight(2);
  assert.ok(Math.abs(half - 55) <= 1, `${half}`);
  scene.found(backends(3, 2, 1));
  assert.equal(scene.weight(2), half);
  const slot = scene.slot(2);
  scene.found(backends(1, 3));
  assert.equal(scene.shared.backendWithheld[slot], 0);
  scene.found(backends(1, 2, 3));
  assert.equal(scene.weight(2), 10);
  scene.monitor.stop();
});

test("a backend starts slowly when its checks pass again, before anyone may pick it", async () => {
  const scene = new HealthScene({ slowStart, check: tcpCheck }, backends(1, 2, 3));
  scene.faults.set("127.0.0.1:1", refused);
  await scene.timers.advance(20_000);
  assert.equal(scene.mayPick(1), false);
  scene.faults.clear();
  while (!scene.mayPick(1)) {
    await scene.timers.advance(1);
    assert.equal(scene.weight(1), scene.mayPick(1) ? 10 : 100);
  }
  await scene.timers.advance(slowStart + 200);
  assert.deepEqual(weights(scene, 3), [100, 100, 100]);
  scene.monitor.stop();
});

test("a backend starts slowly after its ejection", async () => {
  const scene = new HealthScene({ slowStart }, backends(1, 2, 3));
  scene.errors(1, 5);
  await scene.timers.advance(100);
  assert.equal(scene.mayPick(1), false);
  await scene.timers.advance(policy.outlier.base * 1.1);
  assert.equal(scene.mayPick(1), true);
  assert.ok(scene.weight(1) >= 10 && scene.weight(1) < 30, `${scene.weight(1)}`);
  scene.monitor.stop();
});

test("a backend starts slowly when it is no longer drained, and health has nothing to say about one that is unknown", () => {
  const scene = new HealthScene({ slowStart }, backends(1, 2));
  scene.store.setDrained("api", "127.0.0.1:1", true);
  assert.equal(scene.weight(1), 100);
  scene.monitor.returns("api", "127.0.0.1:1");
  assert.deepEqual(weights(scene, 2), [10, 100]);
  scene.monitor.returns("api", "127.0.0.1:9");
  scene.monitor.returns("nobody", "127.0.0.1:2");
  assert.deepEqual(weights(scene, 2), [10, 100]);
  scene.monitor.stop();
});

test("the first to recover has its whole weight at once; those after it start slowly", async () => {
  const scene = new HealthScene({ slowStart, check: tcpCheck }, []);
  for (const port of [1, 2]) scene.faults.set(`127.0.0.1:${port}`, refused);
  scene.found(backends(1, 2));
  await scene.timers.advance(20_000);
  scene.faults.delete("127.0.0.1:1");
  await scene.timers.advance(10_000);
  assert.deepEqual([scene.mayPick(1), scene.weight(1), scene.mayPick(2)], [true, 100, false]);
  scene.faults.delete("127.0.0.1:2");
  await scene.timers.advance(7_000);
  assert.equal(scene.mayPick(2), true);
  assert.ok(scene.weight(2) < 35, `${scene.weight(2)}`);
  scene.monitor.stop();
});

test("backups are no help to primaries: a primary that is the only one does not start slowly", () => {
  const scene = new HealthScene({ slowStart }, [backendAt(9, 1)]);
  scene.found([backendAt(1), backendAt(9, 1)]);
  assert.equal(scene.weight(1), 100);
  scene.found([backendAt(1), backendAt(8, 1), backendAt(9, 1)]);
  assert.equal(scene.weight(8), 10);
  scene.monitor.stop();
});

test("while too few backends are up, those that are have their whole weight", async () => {
  const scene = new HealthScene({ slowStart, check: tcpCheck, panicThreshold: 60 }, backends(1, 2, 3, 4, 5));
  scene.found(backends(1, 2, 3, 4, 5, 6));
  assert.equal(scene.weight(6), 10);
  for (const port of [1, 2, 3, 4]) scene.faults.set(`127.0.0.1:${port}`, refused);
  await scene.timers.advance(20_000);
  assert.equal(scene.monitor.failsOpen("api"), true);
  assert.equal(scene.weight(6), 100);
  scene.faults.delete("127.0.0.1:1");
  await scene.timers.advance(7_000);
  assert.equal(scene.has(1, "down"), false);
  assert.equal(scene.weight(1), 100);
  scene.monitor.stop();
});
