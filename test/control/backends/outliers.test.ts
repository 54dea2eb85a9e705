import assert from "node:assert/strict";
import { test } from "node:test";
import { sinceSystemStart } from "../../../src/lib/monotonic.ts";
import { backendAt, HealthScene, policy, tcpCheck } from "./health-scene.ts";

const ports = (count: number) => Array.from({ length: count }, (_, index) => backendAt(index + 1));
const outlier = policy.outlier;

test("a backend on which as many sessions in a row fail as configured is ejected, and back after a while", async () => {
  const scene = new HealthScene({}, ports(3));
  scene.errors(1, 4);
  await scene.timers.advance(1_000);
  assert.equal(scene.mayPick(1), true);
  scene.errors(1, 5);
  await scene.timers.advance(100);
  assert.equal(scene.mayPick(1), false);
  assert.equal(scene.has(1, "ejected"), true);
  const [backAt] = scene.shared.poolBackAt;
  const inSeconds = backAt! - (performance.now() + sinceSystemStart) / 1_000;
  assert.ok(inSeconds > 29 && inSeconds < 34, `${inSeconds} s`);
  assert.deepEqual(scene.monitor.backend(scene.slot(1)), {
    changes: 0,
    checkFailures: undefined,
    ejections: 1,
    standing: {
      cause: "5 sessions in a row failed on it",
      age: 0,
      left: scene.monitor.backend(scene.slot(1))!.standing!.left,
    },
  });
  const left = scene.monitor.backend(scene.slot(1))!.standing!.left!;
  assert.ok(left > 29_800 && left <= 33_000, `${left} ms`);
  await scene.timers.advance(29_800);
  assert.equal(scene.mayPick(1), false);
  await scene.timers.advance(300);
  assert.equal(scene.mayPick(1), true);
  assert.equal(scene.shared.backendErrors[scene.slot(1)], 0);
  assert.equal(scene.shared.poolBackAt[0], 0);
  assert.deepEqual(scene.messages, [
    "backend is ejected: one session after the other failed on it | 127.0.0.1:1",
    "backend is no longer ejected | 127.0.0.1:1 | its ejection is over",
  ]);
  scene.monitor.stop();
});

test("each ejection is longer by base, up to max, and shorter again by one for each base that went well", async () => {
  const scene = new HealthScene({ outlier: { ...outlier, base: 10_000, max: 35_000 } }, ports(3));
  const eject = async (): Promise<unknown> => {
    scene.errors(1, 5);
    await scene.timers.advance(200);
    while (scene.has(1, "ejected")) await scene.timers.advance(100);
    return scene.log.findLast(({ ejected_ms }) => ejected_ms !== undefined)!["ejected_ms"];
  };
  assert.deepEqual(
    [await eject(), await eject(), await eject(), await eject(), await eject()],
    [10_000, 20_000, 30_000, 35_000, 35_000],
  );
  await scene.timers.advance(40_500);
  assert.equal(await eject(), 20_000);
  await scene.timers.advance(1_000_000);
  assert.equal(await eject(), 10_000);
  scene.monitor.stop();
});

test("the time is jittered by 10 % each way", async () => {
  const times: unknown[] = [];
  for (const chance of [0, 0.999_999]) {
    const scene = new HealthScene({}, ports(3), () => chance);
    scene.errors(1, 5);
    await scene.timers.advance(200);
    times.push(scene.log.at(-1)!["ejected_ms"]);
    scene.monitor.stop();
  }
  assert.deepEqual(times, [27_000, 33_000]);
});

test("chance has it whether failures in a row eject a backend, and as many have to fail again before it is asked anew", async () => {
  const draws = [0.25, 0.24, 0.5];
  const scene = new HealthScene({ outlier: { ...outlier, chance: 25 } }, ports(3), () => draws.shift()!);
  scene.errors(1, 5);
  await scene.timers.advance(1_000);
  assert.equal(scene.has(1, "ejected"), false);
  assert.equal(scene.shared.backendErrors[scene.slot(1)], 0);
  assert.deepEqual(scene.messages, [
    "backend is spared by chance | 127.0.0.1:1 | 5 sessions in a row failed on it",
  ]);
  scene.errors(1, 5);
  await scene.timers.advance(100);
  assert.equal(scene.has(1, "ejected"), true);
  scene.monitor.stop();
});

test("where one may not be ejected at least, a small pool has none ejected", async () => {
  for (const [count, expected] of [
    [9, 0],
    [10, 1],
    [20, 2],
  ] as const) {
    const scene = new HealthScene(
      { outlier: { ...outlier, maxPercent: 10, oneAtLeast: false } },
      ports(count),
    );
    for (let port = 1; port <= count; port++) scene.errors(port, 5);
    await scene.timers.advance(200);
    const ejected = ports(count).filter((_, index) => scene.has(index + 1, "ejected")).length;
    assert.equal(ejected, expected, `of ${count}`);
    scene.monitor.stop();
  }
});

test("no more of the pool is ejected than max_percent, but one always may be, unless it is 0", async () => {
  for (const [count, maxPercent, expected] of [
    [4, 50, 2],
    [5, 50, 2],
    [3, 50, 1],
    [5, 10, 1],
    [5, 0, 0],
    [5, 100, 4],
    [2, 50, 1],
    [1, 100, 0],
  ] as const) {
    const scene = new HealthScene({ outlier: { ...outlier, maxPercent } }, ports(count));
    const all = ports(count).map((_, index) => index + 1);
    for (const port of all) scene.errors(port, 9);
    await scene.timers.advance(1_000);
    assert.equal(
      all.filter((port) => scene.has(port, "ejected")).length,
      expected,
      `${count}, ${maxPercent} %`,
    );
    assert.ok(all.some((port) => scene.mayPick(port)));
    scene.monitor.stop();
  }
});

test("the last backend that is healthy is not ejected, also when the others are down", async () => {
  const scene = new HealthScene({ check: tcpCheck, outlier: { ...outlier, maxPercent: 100 } }, []);
  for (const port of [1, 2]) scene.faults.set(`127.0.0.1:${port}`, new Error("down"));
  scene.found(ports(3));
  await scene.timers.advance(1);
  scene.errors(3, 100);
  await scene.timers.advance(1_000);
  assert.equal(scene.has(3, "ejected"), false);
  scene.monitor.stop();
});

test("a passed check ends an ejection early; a failed one does not", async () => {
  const scene = new HealthScene({ check: tcpCheck }, ports(2));
  await scene.timers.advance(10_000);
  scene.faults.set("127.0.0.1:1", new Error("refused"));
  scene.errors(1, 5);
  await scene.timers.advance(10_000);
  assert.equal(scene.has(1, "ejected"), true);
  assert.equal(scene.has(1, "down"), true);
  scene.faults.delete("127.0.0.1:1");
  await scene.timers.advance(5_500);
  assert.equal(scene.has(1, "ejected"), false);
  assert.ok(scene.messages.includes("backend is no longer ejected | 127.0.0.1:1 | it passed a check"));
  scene.monitor.stop();
});

test("switched off, nobody is ejected, and who was is let back", async () => {
  const scene = new HealthScene({}, ports(3));
  scene.errors(1, 5);
  await scene.timers.advance(200);
  assert.equal(scene.has(1, "ejected"), true);
  scene.policy = { ...scene.policy, outlier: { ...outlier, enabled: false } };
  scene.update();
  scene.errors(2, 500);
  await scene.timers.advance(1_000);
  assert.deepEqual(
    [1, 2, 3].map((port) => scene.mayPick(port)),
    [true, true, true],
  );
  scene.monitor.stop();
});

test("a backend that serves clearly less than the others of a large pool is ejected, though it fails but now and then", async () => {
  const scene = new HealthScene({}, ports(6));
  const all = async (bad: number, failed: number): Promise<void> => {
    for (let port = 1; port <= 6; port++) scene.fares(port, 200, port === bad ? failed : 1);
    await scene.timers.advance(10_100);
  };
  await all(0, 0);
  await all(2, 60);
  assert.deepEqual(
    [1, 2, 3].map((port) => scene.mayPick(port)),
    [true, false, true],
  );
  const { standing } = scene.monitor.backend(scene.slot(2))!;
  assert.equal(standing?.cause, "it served 76.9 % of what it was asked, its pool 95.7 %");
  assert.equal(scene.log.at(-1)!["served_percent"], 76.9);
  await scene.timers.advance(40_000);
  assert.equal(scene.mayPick(2), true);
  await all(3, 8);
  assert.equal(scene.mayPick(3), true, "96 % is good enough");
  scene.monitor.stop();
});

test("few backends, or few requests, are not compared", async () => {
  for (const [count, requests] of [
    [4, 1_000],
    [6, 20],
  ] as const) {
    const scene = new HealthScene({}, ports(count));
    await scene.timers.advance(10_100);
    for (let port = 1; port <= count; port++) scene.fares(port, requests, port === 1 ? requests : 0);
    await scene.timers.advance(10_100);
    assert.equal(scene.mayPick(1), true);
    scene.monitor.stop();
  }
});

test("a backend is ejected on which too many requests fail, whatever the others do", async () => {
  const failureRate = { percent: 50, minBackends: 2, minRequests: 10 };
  const scene = new HealthScene({ outlier: { ...outlier, consecutiveErrors: 1_000, failureRate } }, ports(3));
  await scene.timers.advance(10_100);
  scene.fares(1, 5, 5);
  scene.fares(2, 6, 5);
  scene.fares(3, 0, 9);
  await scene.timers.advance(10_000);
  assert.deepEqual(
    [1, 2, 3].map((port) => scene.has(port, "ejected")),
    [true, false, false],
  );
  scene.monitor.stop();
});
