import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backendFlag } from "../../../src/channel/memory.ts";
import type { Backend } from "../../../src/model/backend.ts";
import { backendAt, HealthScene, tcpCheck } from "./health-scene.ts";

const refused = new Error("connect ECONNREFUSED");
const a = "127.0.0.1:1";

test("every backend is checked at once, then each at its own time within the interval, then every interval", async () => {
  let seed = 0;
  // Evenly over [0, 1).
  const random = (): number => (seed = (seed + 0.618) % 1);
  const scene = new HealthScene(
    { check: tcpCheck },
    [1, 2, 3, 4, 5].map((port) => backendAt(port)),
    random,
  );
  assert.equal(scene.checks.length, 5);
  await scene.timers.advance(5_000);
  const second = scene.checks.slice(5).map(({ at }) => at);
  assert.equal(second.length, 5);
  assert.ok(Math.max(...second) - Math.min(...second) > 2_500, `bunched: ${second}`);
  await scene.timers.advance(60_000);
  for (const port of [1, 2, 3, 4, 5]) {
    const times = scene.checks.filter(({ address }) => address === `127.0.0.1:${port}`).map(({ at }) => at);
    const gaps = times.slice(2).map((at, index) => at - times[index + 1]!);
    assert.ok(gaps.length >= 10);
    for (const gap of gaps) assert.ok(gap >= 4_450 && gap <= 5_550, `${gap}`);
    assert.ok(new Set(gaps).size > 5, "the jitter is the same each time");
  }
  scene.monitor.stop();
});

test("a backend is not down before its first result, which decides; it is late by the timeout at most", async () => {
  const scene = new HealthScene({ check: tcpCheck }, [backendAt(1), backendAt(2)]);
  scene.monitor.stop();
  const hanging = new HealthScene({ check: tcpCheck }, []);
  hanging.faults.set(a, "hangs");
  hanging.found([backendAt(1), backendAt(2)]);
  let known = false;
  void hanging.monitor.firstResults().then(() => {
    known = true;
  });
  await hanging.timers.advance(1_999);
  assert.equal(known, false);
  assert.equal(hanging.mayPick(1), true);
  await hanging.timers.advance(1);
  assert.equal(known, true);
  assert.equal(hanging.has(1, "down"), true);
  assert.equal(hanging.has(2, "down"), false);
  assert.deepEqual(hanging.messages, [`backend is down | ${a} | no answer within 2000 ms`]);
  hanging.monitor.stop();
});

test("a new backend is being checked until its first result, or for a second, and is not picked meanwhile", async () => {
  const scene = new HealthScene({ check: tcpCheck }, []);
  scene.faults.set(a, refused);
  scene.found([backendAt(1), backendAt(2)]);
  for (const port of [1, 2]) assert.ok(scene.has(port, "checking") && !scene.mayPick(port));
  await scene.timers.advance(0);
  for (const port of [1, 2]) assert.equal(scene.has(port, "checking"), false);
  assert.deepEqual([scene.mayPick(1), scene.mayPick(2)], [false, true]);
  scene.monitor.stop();

  const slow = new HealthScene({ check: tcpCheck }, []);
  slow.faults.set(a, "hangs");
  slow.found([backendAt(1)]);
  await slow.timers.advance(999);
  assert.equal(slow.mayPick(1), false);
  await slow.timers.advance(1 + 100);
  assert.equal(slow.mayPick(1), true);
  await slow.timers.advance(1_000);
  assert.equal(slow.mayPick(1), false);
  // Nothing is forgotten about those that stay, however they are checked from now on.
  slow.faults.delete(a);
  await slow.timers.advance(10_000);
  slow.policy = { ...slow.policy, check: { ...tcpCheck, interval: 1_000 } };
  slow.faults.set(a, "hangs");
  slow.update();
  assert.equal(slow.mayPick(1), true);
  slow.monitor.stop();
});

test("it takes fall failures and rise passes to change, a second apart, and each change is logged and counted", async () => {
  const scene = new HealthScene({ check: tcpCheck }, [backendAt(1), backendAt(2)]);
  await scene.timers.advance(10_000);
  assert.deepEqual(scene.messages, []);
  scene.faults.set(a, refused);
  const before = scene.timers.now();
  while (!scene.has(1, "down")) await scene.timers.advance(10);
  const took = scene.timers.now() - before;
  assert.ok(took <= 5_000 + 2 * 1_000 + 10, `${took} ms`);
  assert.deepEqual(scene.messages, [`backend is down | ${a} | connect ECONNREFUSED`]);
  assert.equal(scene.has(2, "down"), false);
  // Still failing is no news, and no reason to hurry.
  const checks = scene.checks.length;
  await scene.timers.advance(20_000);
  assert.ok(scene.checks.length - checks <= 8);
  assert.deepEqual(scene.monitor.backend(scene.slot(1)), {
    changes: 1,
    checkFailures: 7,
    ejections: 0,
    standing: { cause: "connect ECONNREFUSED", age: 20_000, left: undefined },
  });
  scene.faults.delete(a);
  const mended = scene.timers.now();
  while (scene.has(1, "down")) await scene.timers.advance(10);
  assert.ok(scene.timers.now() - mended <= 6_010);
  assert.equal(scene.messages.at(-1), `backend is up | ${a}`);
  assert.equal(scene.monitor.backend(scene.slot(1))?.changes, 2);
  assert.deepEqual(scene.monitor.backend(scene.slot(2)), {
    changes: 0,
    checkFailures: 0,
    ejections: 0,
    standing: undefined,
  });
  scene.monitor.stop();
});

test("a failure that is followed by a pass changes nothing", async () => {
  const scene = new HealthScene({ check: tcpCheck }, [backendAt(1)]);
  for (let round = 0; round < 10; round++) {
    scene.faults.set(a, refused);
    const checks = scene.checks.length;
    while (scene.checks.length < checks + 2) await scene.timers.advance(100);
    scene.faults.delete(a);
    await scene.timers.advance(10_000);
  }
  assert.deepEqual(scene.messages, []);
  scene.monitor.stop();
});

test("a check for which this process has no file or port left says nothing about the backend", async () => {
  const scene = new HealthScene({ check: tcpCheck }, []);
  scene.faults.set(a, Object.assign(new Error("no file"), { code: "EMFILE" }));
  scene.found([backendAt(1)]);
  await scene.timers.advance(60_000);
  assert.ok(scene.checks.length >= 10);
  assert.equal(scene.has(1, "down"), false);
  scene.monitor.stop();
});

test("a backend keeps its state while it stays, and when it is back before its place was given to another", async () => {
  const scene = new HealthScene({ check: tcpCheck }, []);
  scene.faults.set(a, refused);
  scene.found([backendAt(1), backendAt(2)]);
  await scene.timers.advance(0);
  assert.equal(scene.has(1, "down"), true);
  const slot = scene.slot(1);
  const checks = scene.checks.length;
  scene.found([backendAt(3), backendAt(2), backendAt(1)]);
  assert.deepEqual(
    scene.checks.slice(checks).map(({ address }) => address),
    ["127.0.0.1:3"],
  );
  assert.equal(scene.has(1, "down"), true);
  // Its sessions go on while it is away.
  scene.shared.backendActive[slot] = 1;
  scene.found([backendAt(2)]);
  await scene.timers.advance(30_000);
  assert.equal(scene.checks.filter(({ address, at }) => address === a && at > 0).length, 0);
  scene.faults.delete(a);
  scene.found([backendAt(2), backendAt(1)]);
  assert.equal(scene.slot(1), slot);
  assert.equal(scene.has(1, "down"), true);
  await scene.timers.advance(3_000);
  assert.equal(scene.has(1, "down"), false);
  scene.monitor.stop();
});

test("the next backend in a place starts with a clean sheet", async () => {
  const scene = new HealthScene({ check: tcpCheck }, []);
  scene.faults.set(a, refused);
  scene.found([backendAt(1)]);
  await scene.timers.advance(0);
  scene.errors(1, 4);
  const slot = scene.slot(1);
  scene.found([]);
  scene.found([]);
  scene.found([backendAt(9)]);
  assert.equal(scene.slot(9), slot);
  assert.equal(scene.shared.backendFlags[slot], backendFlag.checking);
  assert.equal(scene.shared.backendErrors[slot], 0);
  assert.deepEqual(scene.monitor.backend(slot), {
    changes: 0,
    checkFailures: 0,
    ejections: 0,
    standing: { cause: "its first check is not over", age: 0, left: 1_000 },
  });
  scene.monitor.stop();
});

test("without checks any more a backend that was down is up; with other checks it keeps its state until they say more", async () => {
  const scene = new HealthScene({ check: tcpCheck }, []);
  scene.faults.set(a, refused);
  scene.found([backendAt(1), backendAt(2)]);
  await scene.timers.advance(0);
  const seen = scene.monitor.backend(scene.slot(1))!;
  assert.deepEqual([seen.changes, seen.checkFailures], [1, 1]);
  scene.policy = { ...scene.policy, check: { ...tcpCheck, interval: 1_000 } };
  scene.update();
  assert.equal(scene.has(1, "down"), true);
  // The counts go on.
  assert.deepEqual(scene.monitor.backend(scene.slot(1)), seen);
  scene.policy = { ...scene.policy, check: undefined };
  scene.update();
  assert.equal(scene.has(1, "down"), false);
  const checks = scene.checks.length;
  await scene.timers.advance(60_000);
  assert.equal(scene.checks.length, checks);
  scene.monitor.stop();
  assert.equal(scene.timers.waiting, 0);
});

test("too few healthy backends: all of the tier in use may be picked, drained ones excepted, until there are enough", async () => {
  const scene = new HealthScene({ check: tcpCheck, panicThreshold: 50 }, []);
  const fail = (...ports: number[]): void => {
    for (const port of [1, 2, 3, 4]) scene.faults.delete(`127.0.0.1:${port}`);
    for (const port of ports) scene.faults.set(`127.0.0.1:${port}`, refused);
  };
  fail(1, 2);
  scene.found([1, 2, 3, 4].map((port) => backendAt(port)));
  await scene.timers.advance(0);
  assert.deepEqual(
    [1, 2, 3, 4].map((port) => scene.mayPick(port)),
    [false, false, true, true],
  );
  assert.equal(scene.monitor.failsOpen("api"), false);
  fail(1, 2, 3);
  scene.shared.backendFlags[scene.slot(2)]! |= backendFlag.draining;
  await scene.timers.advance(20_000);
  // One of the three that are not draining.
  assert.equal(scene.monitor.failsOpen("api"), true);
  assert.deepEqual(
    [1, 2, 3, 4].map((port) => scene.mayPick(port)),
    [true, false, true, true],
  );
  assert.deepEqual(
    [1, 2, 3, 4].map((port) => scene.has(port, "down")),
    [true, true, true, false],
  );
  fail();
  await scene.timers.advance(20_000);
  assert.equal(scene.monitor.failsOpen("api"), false);
  assert.equal(scene.mayPick(1), true);
  assert.deepEqual(
    scene.messages.filter((text) => text.includes("health")),
    [
      "too few backends are up; health is ignored and all of them are tried",
      "enough backends are up again; health counts again",
    ],
  );
  scene.monitor.stop();
});

test("backups that are up spare a pool whose primaries are all down from failing open", async () => {
  const scene = new HealthScene({ check: tcpCheck, panicThreshold: 50 }, []);
  for (const port of [1, 2]) scene.faults.set(`127.0.0.1:${port}`, refused);
  scene.found([backendAt(1), backendAt(2), backendAt(3, 1), backendAt(4, 1)]);
  await scene.timers.advance(0);
  assert.deepEqual(
    [1, 2, 3, 4].map((port) => scene.mayPick(port)),
    [false, false, true, true],
  );
  for (const port of [3, 4]) scene.faults.set(`127.0.0.1:${port}`, refused);
  await scene.timers.advance(20_000);
  assert.deepEqual(
    [1, 2, 3, 4].map((port) => scene.mayPick(port)),
    [true, true, false, false],
  );
  scene.monitor.stop();
});

test("of several tiers, the lowest with a healthy backend is the one that may fail open", async () => {
  const scene = new HealthScene({ check: tcpCheck, panicThreshold: 60 }, []);
  for (const port of [1, 2, 3]) scene.faults.set(`127.0.0.1:${port}`, refused);
  scene.found([backendAt(1), backendAt(2, 1), backendAt(3, 2), backendAt(4, 2), backendAt(5, 3)]);
  await scene.timers.advance(0);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((port) => [scene.mayPick(port), scene.has(port, "trusted")]),
    [
      [false, false],
      [false, false],
      [true, true],
      [true, true],
      [true, false],
    ],
  );
  scene.monitor.stop();
});

test("tiers that share fail open only where they can't bear everything together, and then each by itself", async () => {
  const scene = new HealthScene({ check: tcpCheck, panicThreshold: 50, overprovisioning: 140 }, []);
  const ports = [1, 2, 3, 4, 5, 6, 7, 8];
  const open = (): readonly number[] => ports.filter((port) => scene.has(port, "trusted"));
  for (const port of [1, 2, 3]) scene.faults.set(`127.0.0.1:${port}`, refused);
  scene.found(ports.map((port) => backendAt(port, port <= 4 ? 0 : 1)));
  await scene.timers.advance(0);
  // 35 of 100, and 100.
  assert.deepEqual(open(), []);
  for (const port of [5, 6]) scene.faults.set(`127.0.0.1:${port}`, refused);
  await scene.timers.advance(20_000);
  // 35 and 70.
  assert.deepEqual(open(), []);
  scene.faults.set("127.0.0.1:7", refused);
  await scene.timers.advance(20_000);
  // 35 and 35: one of four is well in each.
  assert.deepEqual(open(), ports);
  scene.monitor.stop();
});

test("a backend that discovery calls unfit takes nothing while enough others do, and is well as soon as it is called so", async () => {
  const scene = new HealthScene({ panicThreshold: 50 }, []);
  const unfit = (port: number): Backend => ({ ...backendAt(port), unfit: true });
  scene.found([unfit(1), backendAt(2), backendAt(3)]);
  assert.deepEqual(
    [1, 2, 3].map((port) => scene.mayPick(port)),
    [false, true, true],
  );
  assert.match(scene.monitor.backend(scene.slot(1))!.standing!.cause, /takes no sessions/);
  scene.found([unfit(1), unfit(2), backendAt(3)]);
  assert.ok(scene.monitor.failsOpen("api"));
  scene.found([backendAt(1), unfit(2), backendAt(3)]);
  assert.deepEqual(
    [1, 2, 3].map((port) => scene.mayPick(port)),
    [true, false, true],
  );
  scene.monitor.stop();
});

test("whatever fails, a pool that may fail open always has a backend that may be picked; with 0 it never fails open", async () => {
  const ports = [1, 2, 3, 4, 5];
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 100 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 5 }),
      fc.array(fc.subarray(ports), { minLength: 1, maxLength: 5 }),
      async (panicThreshold, tiers, rounds) => {
        const scene = new HealthScene(
          { check: { ...tcpCheck, rise: 1, fall: 1 }, panicThreshold },
          ports.map((port, index) => backendAt(port, tiers[index])),
        );
        for (const failing of rounds) {
          scene.faults.clear();
          for (const port of failing) scene.faults.set(`127.0.0.1:${port}`, refused);
          await scene.timers.advance(6_000);
          for (const port of ports) assert.equal(scene.has(port, "down"), failing.includes(port));
          const open = ports.filter((port) => scene.mayPick(port));
          const healthy = ports.filter((port) => !failing.includes(port));
          if (panicThreshold === 0) assert.deepEqual(open, healthy);
          else assert.ok(open.length > 0);
          for (const port of healthy) assert.ok(open.includes(port));
          assert.equal(
            scene.monitor.failsOpen("api"),
            ports.some((port) => scene.has(port, "trusted")),
          );
        }
        scene.monitor.stop();
      },
    ),
    { numRuns: 40 },
  );
});

test("backends are checked as the transport with their labels says, from when they have these on, with what is known of them", async () => {
  const labels = { via: "1" };
  const scene = new HealthScene(
    {
      check: tcpCheck,
      checks: [{ ...tcpCheck, proxyProtocol: "v2" }],
      transports: [{ labels, tls: undefined, proxyProtocol: "v2" }],
    },
    [],
  );
  const labelled = (port: number): Backend => ({ ...backendAt(port), transportLabels: [labels] });
  scene.faults.set(a, refused);
  scene.found([backendAt(1), labelled(2)]);
  await scene.timers.advance(0);
  assert.deepEqual(scene.ways, ["127.0.0.1:1 plain", "127.0.0.1:2 v2"]);
  scene.found([labelled(1), labelled(2)]);
  assert.ok(scene.has(1, "down"));
  await scene.timers.advance(0);
  assert.deepEqual(scene.ways.slice(2), ["127.0.0.1:1 v2"]);
  // The same by other objects: nothing begins anew.
  scene.policy = structuredClone(scene.policy);
  scene.update();
  await scene.timers.advance(0);
  assert.equal(scene.ways.length, 3);
  scene.monitor.stop();
});
