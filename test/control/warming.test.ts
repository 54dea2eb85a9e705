import assert from "node:assert/strict";
import { test } from "node:test";
import { discover } from "../../src/cli/discover.ts";
import { ControlPlane } from "../../src/control/control-plane.ts";
import type { LogDestination } from "../../src/observe/destination.ts";
import { createLogger } from "../../src/observe/logger.ts";
import { loadModel } from "../providers/toml/loading.ts";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain } from "../support/client.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { echoed, endingOf, farewell } from "../support/talk.ts";

const quiet: LogDestination = {
  write: () => {},
  writeAsIs: () => {},
  dropped: () => 0,
  flush: async () => {},
};

test("a reload waits for no name: the rest is served at once, and sessions of the new pool wait for its backends", async (t) => {
  await using backend = await startEchoBackend();
  await using dns = await startDnsServer();
  const answered = Promise.withResolvers<void>();
  dns.reply("slow.test", "A", () => ({
    answers: [{ type: "A", name: "slow.test", ttl: 60, data: "127.0.0.1" }],
    after: answered.promise,
  }));
  dns.reply("never.test", "A", "silence");
  const [known, slow, never] = await freePorts(3);
  const { port } = new URL(`tcp://${backend.address}`);
  const pool = (name: string): string => `
    pools.${name}.discovery = { type = "dns", name = "${name}.test", port = ${port}, record = "a", nameservers = ["${dns.address}"] }`;
  const first = `
    workers = 2
    log.level = "silent"
    listeners.known = { bind = "127.0.0.1:${known}", pool = "known" }
    pools.known.discovery = { type = "static", backends = ["${backend.address}"] }`;
  const model = await loadModel(first);
  const plane = await ControlPlane.create(model, discover, createLogger({ level: "silent" }, quiet), quiet);
  t.after(() => plane.abandon());
  await plane.start();
  const next = await loadModel(`${first}
    listeners.slow = { bind = "127.0.0.1:${slow}", pool = "slow" }
    listeners.never = { bind = "127.0.0.1:${never}", pool = "never" }
    ${pool("slow")}
    ${pool("never")}`);
  await plane.reconfigure(next);
  // No answer can have come yet.
  assert.deepEqual(
    ["slow", "never"].map((name) => plane.store.pool(name)!.placed.warming),
    [true, true],
  );
  const waiting = await connectPlain(slow!);
  const other = await connectPlain(known!);
  await echoed(other);
  answered.resolve();
  await echoed(waiting);
  // Its name never answers: who came has waited, and is refused then; who comes later is refused at once.
  assert.equal(await endingOf(connectPlain(never!)), "ECONNRESET");
  assert.equal(plane.store.pool("never")!.placed.warming, false);
  assert.equal(await endingOf(connectPlain(never!)), "ECONNRESET");
  for (const client of [waiting, other]) await farewell(client);
});
