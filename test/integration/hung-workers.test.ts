import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import type { Peer } from "../support/peer.ts";
import { sabotage, sabotaged } from "../support/sabotage.ts";
import { becomes } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const folder = (): { path: string } & Disposable => mkdtempDisposableSync(join(tmpdir(), "umay-"));

const toml = (backend: string, watchdog: string, settings = ""): string => `
  workers = 2
  watchdog = "${watchdog}"
  admin = { bind = "127.0.0.1:0" }
  listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
  ${settings}
  ${poolToml("echo", [backend])}`;

const isDeath = (line: LogLine): boolean => line["worker"] !== undefined && line.level === "error";

/** Connects until the worker has a connection. @returns all of them. */
async function connectWorker(umay: RunningUmay, worker: number): Promise<Peer[]> {
  const clients: Peer[] = [];
  await becomes(
    async () => {
      const client = await connectPlain(umay.port("plain"));
      await echoed(client);
      clients.push(client);
      return (await umay.status()).workers[worker - 1]!.connections;
    },
    (connections) => connections > 0,
    "connections",
  );
  return clients;
}

test("a worker that hangs is told of and replaced with the stack it hung in; a reload meanwhile waits for that", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  const file = join(dir.path, "umay.toml");
  writeFileSync(file, toml(backend.address, "2s"));
  await using umay = await startUmay("", { ...sabotaged(dir.path), args: ["run", "--config", file] });
  const clients = await connectWorker(umay, 1);

  await sabotage(dir.path, "worker-1", "hang");
  writeFileSync(
    file,
    toml(backend.address, "2s", `pools.new.discovery = { type = "static", backends = ["127.0.0.1:1"] }`),
  );
  const reloaded = fetch(`${umay.admin}/reload`, { method: "POST" });
  const unready = await becomes(
    () => umay.readiness(),
    ({ status }) => status === 503,
    "readiness",
  );
  assert.match(unready.text, /worker 1 has given no sign of life for [\d.]+ s/);

  const death = await umay.logged(isDeath);
  assert.equal(death["worker"], 1);
  const { message, stack } = death["err"] as Error;
  assert.match(message, /^it hung: its event loop stood still for [\d.]+ s$/);
  assert.match(stack ?? "", /\n {4}at hang \(.*sabotage\.ts:\d+:\d+\)\n/);
  const answer = await reloaded;
  assert.equal(answer.status, 200, await answer.text());
  await becomes(
    () => umay.readiness(),
    ({ status }) => status === 200,
    "readiness",
  );
  assert.equal(await umay.metric("umay_worker_hangs_total"), 1);
  assert.equal(await umay.metric("umay_worker_restarts_total"), 1);
  for (const client of clients) client.socket.destroy();
  for (const client of await connectWorker(umay, 1)) client.socket.destroy();
});

test("a worker that is slow for a moment is not replaced, and neither are workers that were stopped with the process", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  await using umay = await startUmay(toml(backend.address, "4s"), sabotaged(dir.path));
  const clients = await connectWorker(umay, 1);
  await sabotage(dir.path, "worker-1", "pause");
  for (const client of clients) await echoed(client);
  umay.signal("SIGSTOP");
  await sleep(5_000);
  umay.signal("SIGCONT");
  // The watchdog looks several times.
  await sleep(2_000);
  for (const client of clients) {
    await echoed(client);
    client.socket.destroy();
  }
  assert.equal(await umay.metric("umay_worker_restarts_total"), 0);
  assert.deepEqual(
    (await umay.status()).workers.map(({ state }) => state),
    ["serving", "serving"],
  );
});
