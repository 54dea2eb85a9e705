import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceManager } from "../../../src/control/process/service-manager.ts";
import { createLogger } from "../../../src/observe/logger.ts";

/** A systemd that answers when it is told to. */
function fakeSystemd(fails = false) {
  const heard: string[][] = [];
  const answers: (() => void)[] = [];
  const notify = (variables: readonly string[]): Promise<void> => {
    heard.push([...variables]);
    return new Promise((resolve, reject) =>
      answers.push(fails ? () => reject(new Error("no such program")) : resolve),
    );
  };
  return { heard, notify, answer: () => answers.shift()?.() };
}

const lines: string[] = [];
const logger = createLogger({ level: "info" }, { write: (text) => lines.push(text) });
const env = { NOTIFY_SOCKET: "/run/systemd/notify" };

test("messages are sent one after the other, in their order", async () => {
  const systemd = fakeSystemd();
  const manager = new ServiceManager(env, logger, systemd.notify);
  manager.ready("serving");
  manager.reloading();
  manager.stopping("draining");
  await settle();
  assert.deepEqual(systemd.heard, [["READY=1", "STATUS=serving"]]);
  systemd.answer();
  await settle();
  assert.equal(systemd.heard.length, 2);
  assert.equal(systemd.heard[1]![0], "RELOADING=1");
  assert.match(systemd.heard[1]![1]!, /^MONOTONIC_USEC=\d+$/);
  systemd.answer();
  await settle();
  assert.deepEqual(systemd.heard[2], ["STOPPING=1", "STATUS=draining"]);
});

test("the watchdog hears of it twice in its time, and not while a message is on its way", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const systemd = fakeSystemd();
  const manager = new ServiceManager({ ...env, WATCHDOG_USEC: "30000000" }, logger, systemd.notify);
  manager.started("serving");
  await settle();
  t.mock.timers.tick(15_000);
  await settle();
  assert.equal(systemd.heard.length, 1);
  systemd.answer();
  await settle();
  t.mock.timers.tick(14_999);
  await settle();
  assert.equal(systemd.heard.length, 1);
  t.mock.timers.tick(1);
  await settle();
  assert.deepEqual(systemd.heard[1], ["WATCHDOG=1"]);
});

test("a watchdog that is meant for another process hears nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const systemd = fakeSystemd();
  const other = { ...env, WATCHDOG_USEC: "2000000", WATCHDOG_PID: String(process.pid + 1) };
  new ServiceManager(other, logger, systemd.notify).started("serving");
  await settle();
  systemd.answer();
  await settle();
  t.mock.timers.tick(10_000);
  await settle();
  assert.equal(systemd.heard.length, 1);
});

test("a process that takes over has systemd watch it, and the other one says nothing any more", async () => {
  const systemd = fakeSystemd();
  const old = new ServiceManager(env, logger, systemd.notify);
  const told = new ServiceManager(env, logger, systemd.notify).succeed();
  systemd.answer();
  await told;
  old.leave();
  old.stopping("draining");
  await settle();
  assert.deepEqual(systemd.heard, [[`MAINPID=${process.pid}`]]);
  await assert.rejects(
    async () => {
      const failing = fakeSystemd(true);
      const telling = new ServiceManager(env, logger, failing.notify).succeed();
      failing.answer();
      await telling;
    },
    { message: "no such program" },
  );
});

test("without systemd nobody is told", async () => {
  const systemd = fakeSystemd();
  const manager = new ServiceManager({}, logger, systemd.notify);
  manager.started("serving");
  await manager.succeed();
  await settle();
  assert.deepEqual(systemd.heard, []);
});

test("a message that can't be sent is logged once, and is the last one", async () => {
  const systemd = fakeSystemd(true);
  const manager = new ServiceManager(env, logger, systemd.notify);
  manager.ready("serving");
  manager.stopping("draining");
  await settle();
  systemd.answer();
  await settle();
  assert.equal(systemd.heard.length, 1);
  assert.equal(lines.filter((line) => line.includes("systemd can't be told")).length, 1);
});

/** Until every promise that can go on has gone on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
