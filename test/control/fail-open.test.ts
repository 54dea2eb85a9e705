import assert from "node:assert/strict";
import { test } from "node:test";
import { discover } from "../../src/cli/discover.ts";
import { ControlPlane } from "../../src/control/control-plane.ts";
import type { LogDestination } from "../../src/observe/destination.ts";
import { createLogger } from "../../src/observe/logger.ts";
import { loadModel } from "../providers/toml/loading.ts";
import { startEchoBackend } from "../support/backend.ts";
import { freePorts } from "../support/free-ports.ts";
import { becomes } from "../support/settled.ts";

const quiet: LogDestination = {
  write: () => {},
  writeAsIs: () => {},
  dropped: () => 0,
  flush: async () => {},
};

test("whether to fail open is decided anew with each drain by hand, each undrain, and when what is drained comes back", async (t) => {
  await using one = await startEchoBackend();
  await using two = await startEchoBackend();
  const [port, closed] = await freePorts(2);
  const pool = (...backends: string[]) =>
    loadModel(`
      workers = 1
      log.level = "silent"
      listeners.a = { bind = "127.0.0.1:${port}", pool = "echo" }
      [pools.echo]
      panic_threshold = 60
      health = { type = "tcp", interval = "100ms", fall = 1, rise = 1 }
      discovery = { type = "static", backends = [${backends.map((backend) => `"${backend}"`).join()}] }`);
  const down = `127.0.0.1:${closed}`;
  const model = await pool(one.address, two.address, down);
  const plane = await ControlPlane.create(model, discover, createLogger({ level: "silent" }, quiet), quiet);
  t.after(() => plane.abandon());
  await plane.start();
  const failsOpen = (): boolean => plane.health.failsOpen("echo");
  await becomes(
    () => Atomics.load(plane.shared.backendFlags, plane.store.find("echo", down)!.slot),
    (flags) => flags !== 0,
    "flags of a backend that is down",
  );
  // Two of three.
  assert.equal(failsOpen(), false);
  // One of two.
  assert.ok(plane.drains.drain("echo", one.address, undefined, true).ok);
  assert.equal(failsOpen(), true);
  assert.ok(plane.drains.undrain("echo", one.address).ok);
  assert.equal(failsOpen(), false);
  // Two of two, of which one leaves and comes back drained.
  assert.ok(plane.drains.drain("echo", down, undefined, true).ok);
  assert.ok(plane.drains.drain("echo", one.address, undefined, true).ok);
  assert.equal(failsOpen(), false);
  await plane.reconfigure(await pool(two.address, down));
  assert.equal(failsOpen(), false);
  await plane.reconfigure(model);
  assert.ok(plane.drains.undrain("echo", down).ok);
  assert.equal(failsOpen(), true);
});
