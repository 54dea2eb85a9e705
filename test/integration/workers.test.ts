import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposableSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectTo, listenersToml, poolToml, transports } from "../support/client.ts";
import { type Peer, soon } from "../support/peer.ts";
import { sabotage, sabotaged } from "../support/sabotage.ts";
import { becomes, sessionOf, settled } from "../support/settled.ts";
import { echoed, untilRefused } from "../support/talk.ts";
import { type LogLine, type RunningUmay, runUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

const folder = (): { path: string } & Disposable => mkdtempDisposableSync(join(tmpdir(), "umay-"));

function toml(backend: Backend, settings = ""): string {
  return `
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    ${settings}
    ${listenersToml("echo", certificates)}
    ${poolToml("echo", [backend.address])}`;
}

/** Opens connections of every kind until each worker has two. */
async function connectBothWorkers(umay: RunningUmay): Promise<Peer[]> {
  const clients: Peer[] = [];
  for (;;) {
    for (const transport of transports) {
      const client = await connectTo(umay, transport);
      await echoed(client);
      clients.push(client);
    }
    const { workers } = await umay.status();
    if (workers.every(({ connections }) => connections >= 2)) return clients;
    assert.ok(clients.length < 200, "one worker gets every connection");
  }
}

/** Nine connections, three of each kind, and how many of them each worker has after each of them. */
async function connectNine(umay: RunningUmay): Promise<{ clients: Peer[]; counts: [number, number][] }> {
  const clients: Peer[] = [];
  const counts: [number, number][] = [];
  for (const transport of [...transports, ...transports, ...transports]) {
    const client = await connectTo(umay, transport);
    await echoed(client);
    clients.push(client);
    const { workers } = await umay.status();
    counts.push([workers[0]!.connections, workers[1]!.connections]);
  }
  return { clients, counts };
}

test("few long connections come out even over the workers, wherever the kernel puts them", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend));
  let givenAway = 0;
  // The kernel alone has them even, so that none is given away, in one case of sixteen.
  for (let round = 1; givenAway === 0; round++) {
    assert.ok(round <= 10, "none was given away");
    const { clients, counts } = await connectNine(umay);
    for (const [first, second] of counts) assert.ok(Math.abs(first - second) <= 1, `${first}:${second}`);
    for (const listener of transports)
      givenAway += await umay.metric("umay_listener_given_away_total", { listener });
    for (const client of clients) client.end();
    await settled(umay);
    for (const client of clients) assert.equal((await sessionOf(umay, client))["reason"], "client_closed");
  }
});

const isDeath = (line: LogLine): boolean => line["worker"] !== undefined && line.level === "error";

/** Which of the clients had their connections reset; the others are served. */
async function resetOnes(clients: readonly Peer[]): Promise<Peer[]> {
  const reset: Peer[] = [];
  for (const client of clients)
    try {
      await echoed(client);
    } catch {
      // The write may find out before the read does.
      assert.ok(["ECONNRESET", "EPIPE"].includes(await client.ending()));
      reset.push(client);
    }
  return reset;
}

for (const deed of ["throw", "reject", "exit"] as const)
  test(`a worker that dies (${deed}) is replaced; its sessions are reset and told of; the others go on`, async () => {
    await using backend = await startEchoBackend();
    using dir = folder();
    await using umay = await startUmay(toml(backend), sabotaged(dir.path));
    const clients = await connectBothWorkers(umay);
    const before = (await umay.status()).workers;

    await sabotage(dir.path, "worker-1", deed);
    const death = await umay.logged(isDeath);
    assert.equal(death["worker"], 1);
    assert.equal(death["again_in_ms"], 100);
    assert.equal(
      (death["err"] as Error).message,
      deed === "exit" ? "it ended by itself, with exit code 3" : "sabotage",
    );
    assert.equal(death["left_open"], 0);
    assert.match(death.msg, /its sessions were reset$/);

    const reset = await resetOnes(clients);
    assert.equal(reset.length, before[0]!.connections);
    const { workers, listeners, pools } = await umay.status();
    assert.equal(workers[1]!.connections, before[1]!.connections);
    assert.equal(workers[0]!.connections, 0);
    const open = clients.length - reset.length;
    assert.equal(
      Object.values(listeners).reduce((sum, { connections }) => sum + connections, 0),
      open,
    );
    assert.equal(pools["echo"]!.backends[0]!.connections, open);
    assert.equal(await umay.metric("umay_connections"), open);
    assert.equal(await umay.metric("umay_worker_restarts_total"), 1);
    const told = umay.sessions
      .filter((line) => line["reason"] === "worker_died")
      .map((line) => line["client"]);
    assert.deepEqual(told.sort(), reset.map(({ port }) => `127.0.0.1:${port}`).sort());

    const later = await becomes(
      async () => {
        const client = await connectPlain(umay.port("plain"));
        await echoed(client);
        clients.push(client);
        return (await umay.status()).workers[0]!.connections;
      },
      (connections) => connections > 0,
      "sessions of the new worker",
    );
    assert.ok(later > 0);
    for (const client of clients) client.socket.destroy();
    await settled(umay);
    assert.equal(await umay.metric("umay_worker_connections"), 0);
  });

test("the books are right even when a worker ends without a word, and the log tells that its sessions have none", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  const options = sabotaged(dir.path);
  const nodeArgs = [...(options.nodeArgs ?? []), "--max-old-space-size=64"];
  await using umay = await startUmay(toml(backend), { ...options, nodeArgs });
  const clients = await connectBothWorkers(umay);
  const [first, second] = (await umay.status()).workers;
  await sabotage(dir.path, "worker-1", "heap");
  const death = await umay.logged(isDeath);
  assert.match((death["err"] as Error).message, /memory/);
  assert.equal(death["left_open"], first!.connections);
  assert.match(death.msg, /the system closed the connections that it left open, without a line for each/);
  assert.equal(await umay.metric("umay_connections"), second!.connections);
  assert.equal(await umay.metric("umay_backend_connections"), second!.connections);
  assert.equal(await umay.metric("umay_listener_connections"), second!.connections);
  for (const client of clients) client.socket.destroy();
  await settled(umay);
});

test("a worker that dies again and again is replaced ever later", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  await using umay = await startUmay(toml(backend), sabotaged(dir.path));
  for (const [index, backoff] of [100, 200, 400].entries()) {
    await sabotage(dir.path, "worker-2", "throw");
    await becomes(
      () => umay.log.filter(isDeath),
      (deaths) => deaths.length === index + 1,
      "deaths",
    );
    assert.equal(umay.log.filter(isDeath).at(-1)?.["again_in_ms"], backoff);
    // Its socket is there again when it is.
  }
  assert.equal(await umay.metric("umay_worker_restarts_total"), 3);
  const client = await connectPlain(umay.port("plain"));
  await echoed(client);
  assert.equal((await umay.readiness()).status, 200);
});

test("a replacement that cannot have the listeners' addresses is replaced until one can", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  await using umay = await startUmay(
    `workers = 1
    admin = { bind = "127.0.0.1:0" }
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [backend.address])}`,
    sabotaged(dir.path),
  );
  const port = umay.port("plain");
  await sabotage(dir.path, "worker-1", "throw");
  await umay.logged(isDeath);
  // The only worker is dead: anyone can have its port.
  const thief = createServer().listen(port, "127.0.0.1");
  await once(thief, "listening");
  const second = await umay.logged((line) => isDeath(line) && line["again_in_ms"] === 200);
  assert.match((second["err"] as Error).message, /^listener plain cannot listen on .*EADDRINUSE/);
  thief.close();
  await once(thief, "close");
  await becomes(
    async () =>
      await connectPlain(port)
        .then(echoed)
        .then(
          () => true,
          () => false,
        ),
    (served) => served,
    "a session",
  );
});

test("a worker that dies during a drain holds nothing up", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  await using umay = await startUmay(toml(backend, `shutdown = { timeout = "10m" }`), sabotaged(dir.path));
  const clients = await connectBothWorkers(umay);
  umay.signal("SIGTERM");
  await untilRefused(umay.port("plain"));
  await sabotage(dir.path, "worker-1", "throw");
  const death = await umay.logged(isDeath);
  assert.equal(death["again_in_ms"], undefined);
  const reset = await resetOnes(clients);
  assert.ok(reset.length > 0);
  for (const client of clients) client.end();
  assert.equal(await soon(umay.exited, "the end of umay", 5_000), 0);
  for (const client of clients) {
    const { reason } = await sessionOf(umay, client);
    assert.equal(reason, reset.includes(client) ? "worker_died" : "client_closed");
  }
});

test("a worker that is being replaced when the drain begins does not accept any more", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  await using umay = await startUmay(toml(backend, `shutdown = { timeout = "10m" }`), sabotaged(dir.path));
  const clients = await connectBothWorkers(umay);
  await sabotage(dir.path, "worker-1", "throw");
  await umay.logged(isDeath);
  // Its successor runs, but not yet its program.
  await becomes(
    () => readdirSync(dir.path),
    (threads) => threads.includes("worker-1"),
    "the new thread",
  );
  umay.signal("SIGTERM");
  await untilRefused(umay.port("plain"));
  for (let count = 0; count < 30; count++) {
    await sleep(20);
    assert.equal(await untilRefused(umay.port("plain")), 0);
  }
  for (const client of clients) client.end();
  assert.equal(await soon(umay.exited, "the end of umay", 5_000), 0);
});

test("a worker that hangs is ended with the drain", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  await using umay = await startUmay(toml(backend, `shutdown = { timeout = "1s" }`), sabotaged(dir.path));
  const clients = await connectBothWorkers(umay);
  await sabotage(dir.path, "worker-1", "hang");
  umay.signal("SIGTERM");
  assert.equal(await soon(umay.exited, "the end of umay"), 0);
  for (const client of clients) assert.notEqual(await client.ending(), undefined);
  const drained = umay.log.at(-1)!;
  assert.match(drained.msg, /^drained/);
});

test("a worker that dies while umay starts is an error that ends it with 1", async () => {
  await using backend = await startEchoBackend();
  using dir = folder();
  const { code, stderr } = await runUmay(
    toml(backend),
    sabotaged(dir.path, { UMAY_TEST_SABOTAGE_AT_START: "worker-2" }),
  );
  assert.equal(code, 1);
  assert.equal(stderr, "umay: worker 2 died while starting: sabotage\n");
});
