import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { soon } from "../support/peer.ts";
import { sabotage, sabotaged } from "../support/sabotage.ts";
import { echoed, farewell } from "../support/talk.ts";
import { spawnUmay, startUmay } from "../support/umay.ts";

const listener = `
  workers = 2
  admin = { bind = "127.0.0.1:0" }
  listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }`;

test("SIGUSR1 and SIGUSR2 neither end umay nor open the debugger, nor does SIGHUP end it", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(listener + poolToml("echo", [backend.address]));
  const client = await connectPlain(umay.port("echo"));
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) {
    umay.signal(signal);
    const line = await umay.logged((line) => line["signal"] === signal);
    assert.equal(line.level, "warn");
  }
  umay.signal("SIGHUP");
  // A configuration from standard input can't be read again.
  assert.equal((await umay.logged(({ by }) => by === "SIGHUP")).level, "error");
  await farewell(client);
  assert.equal((await umay.readiness()).status, 200);
  umay.signal("SIGTERM");
  assert.equal(await umay.exited, 0);
  // Node says there where its debugger listens.
  assert.equal(umay.stderr, "");
});

test("SIGTERM while umay starts ends it at once with 0", async () => {
  await using dns = await startDnsServer();
  dns.reply("slow.test", "A", "silence");
  await using umay = spawnUmay(`${listener}
    [pools.echo.discovery]
    type = "dns"
    name = "slow.test"
    port = 80
    nameservers = ["${dns.address}"]`);
  await umay.logged(({ msg }) => msg === "umay is starting");
  await soon(dns.queried(1), "a query");
  umay.signal("SIGTERM");
  assert.equal(await soon(umay.exited, "the end of umay", 3_000), 0);
  assert.equal(umay.log.at(-1)?.msg, "stopped while starting");
  assert.equal(umay.stderr, "");
});

test("an exception that nobody catches in the main thread is logged, drains, and ends umay with 1", async () => {
  await using backend = await startEchoBackend();
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  await using umay = await startUmay(listener + poolToml("echo", [backend.address]), sabotaged(dir.path));
  const client = await connectPlain(umay.port("echo"));
  await echoed(client);
  await sabotage(dir.path, "main", "throw");
  const line = await umay.logged(({ level }) => level === "fatal");
  assert.equal((line["err"] as Error).message, "sabotage");
  await farewell(client);
  assert.equal(await soon(umay.exited, "the end of umay", 5_000), 1);
  // On a busy machine the client may be gone before the drain begins to count.
  const drained = umay.log.at(-1);
  assert.deepEqual([Number(drained?.["ended"]) <= 1, drained?.["cut"]], [true, 0]);
  assert.deepEqual(
    umay.sessions.map((session) => session["reason"]),
    ["client_closed"],
  );
});
