import assert from "node:assert/strict";
import { test } from "node:test";
import { startBackend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectTo, listenersToml, poolToml, transports } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type Peer, soon } from "../support/peer.ts";
import { becomes, sessionOf } from "../support/settled.ts";
import { echoed, farewell, untilRefused } from "../support/talk.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

function start(backend: string, shutdown: string, workers = 1): Promise<RunningUmay> {
  return startUmay(`
    workers = ${workers}
    shutdown = ${shutdown}
    admin = { bind = "127.0.0.1:0" }
    ${listenersToml("echo", certificates)}
    ${poolToml("echo", [backend])}`);
}

const isDrained = ({ msg }: LogLine): boolean => msg.startsWith("drained");

/** The counts in the drain's line. */
async function drained(umay: RunningUmay): Promise<{ ended: unknown; cut: unknown }> {
  const { ended, cut } = await umay.logged(isDrained);
  assert.equal(umay.log.filter(isDrained).length, 1);
  return { ended, cut };
}

for (const signal of ["SIGTERM", "SIGINT"] as const)
  test(`${signal} lets live sessions finish, accepts no new ones, and ends with 0`, async () => {
    await using backend = await startEchoBackend();
    await using umay = await start(backend.address, `{ timeout = "10m" }`, 2);
    const clients = await Promise.all(transports.map((transport) => connectTo(umay, transport)));
    for (const client of clients) await echoed(client, "before");
    assert.deepEqual(await umay.readiness(), { status: 200, text: "ready\n" });

    umay.signal(signal);
    let probes = 0;
    for (const transport of transports) probes += await untilRefused(umay.port(transport));
    assert.deepEqual(await umay.readiness(), { status: 503, text: "draining\n" });
    assert.equal((await fetch(`${umay.admin}/livez`)).status, 200);
    assert.equal((await umay.status()).state, "draining");

    for (const client of clients) {
      await echoed(client, "while draining");
      await farewell(client);
    }
    assert.equal(await soon(umay.exited, "the end of umay", 5_000), 0);
    const { ended, cut } = await drained(umay);
    assert.ok(Number(ended) >= clients.length && Number(ended) <= clients.length + probes, `${ended} ended`);
    assert.equal(cut, 0);
    for (const client of clients) assert.equal((await sessionOf(umay, client))["reason"], "client_closed");
    assert.equal(umay.stderr, "");
  });

test("connections are accepted for shutdown.delay while readiness already fails", async () => {
  await using backend = await startEchoBackend();
  await using umay = await start(backend.address, `{ delay = "1500ms", timeout = "10m" }`);
  const early = await connectTo(umay, "tls13");
  umay.signal("SIGTERM");
  const asked = performance.now();
  await umay.logged(({ msg }) => msg === "draining");
  assert.equal((await umay.readiness()).status, 503);
  const late = await connectTo(umay, "tls13");
  await echoed(late, "accepted while draining");

  const probes = await untilRefused(umay.port("plain"));
  assert.ok(performance.now() - asked >= 1_490);
  for (const client of [early, late]) {
    await echoed(client, "still served");
    client.end();
    await client.readToEnd();
  }
  assert.equal(await umay.exited, 0);
  const { ended, cut } = await drained(umay);
  assert.ok(Number(ended) >= 2 && Number(ended) <= probes + 2, `${ended} ended, ${probes} probes`);
  assert.equal(cut, 0);
});

test("what is left at shutdown.timeout is reset on both sides", async () => {
  await using backend = await startEchoBackend();
  await using umay = await start(backend.address, `{ timeout = "1s" }`);
  const held: { client: Peer; behind: Peer }[] = [];
  for (const transport of transports) {
    const client = await connectTo(umay, transport);
    await echoed(client, "held");
    held.push({ client, behind: await backend.next() });
  }
  const leaving = await connectTo(umay, "plain");
  await backend.next();

  umay.signal("SIGTERM");
  await becomes(
    () => umay.readiness(),
    ({ status }) => status === 503,
    "readiness",
  );
  leaving.end();
  await leaving.readToEnd();
  for (const { client, behind } of held) {
    assert.equal(await client.ending(), "ECONNRESET");
    assert.equal(await behind.ending(), "ECONNRESET");
    const line = await sessionOf(umay, client);
    assert.deepEqual([line["reason"], line["origin"]], ["drain_deadline", "umay"]);
  }
  assert.equal(await umay.exited, 0);
  assert.deepEqual(await drained(umay), { ended: 1, cut: held.length });
});

test("a session whose client reads nothing is cut at shutdown.timeout, too", async () => {
  const chunk = Buffer.alloc(1024 * 1024);
  await using backend = await startBackend({
    onPeer: ({ socket }) => {
      const pour = (): void => {
        while (socket.write(chunk));
      };
      socket.on("drain", pour);
      pour();
    },
  });
  await using umay = await start(backend.address, `{ timeout = "300ms" }`);
  const stuck = await Promise.all(transports.map((transport) => connectTo(umay, transport)));
  for (const client of stuck) {
    await client.receivedAtLeast(1);
    client.socket.pause();
    client.raw.pause();
  }
  umay.signal("SIGTERM");
  assert.equal(await soon(umay.exited, "the end of umay", 5_000), 0);
  assert.deepEqual(await drained(umay), { ended: 0, cut: stuck.length });
  for (const client of stuck) {
    client.raw.resume();
    client.socket.resume();
    assert.equal(await client.ending(), "ECONNRESET");
  }
});

test("a second signal stops at once, and the log has every session that it cut", async () => {
  await using backend = await startEchoBackend();
  await using umay = await start(backend.address, `{ delay = "30s", timeout = "10m" }`, 2);
  const clients: Peer[] = [];
  for (let count = 0; count < 300; count++) clients.push(await connectPlain(umay.port("plain")));
  for (const client of clients) await echoed(client, "x");

  umay.signal("SIGTERM");
  await umay.logged(({ msg }) => msg === "draining");
  umay.signal("SIGINT");
  assert.equal(await soon(umay.exited, "the end of umay", 5_000), 0);
  assert.deepEqual(await drained(umay), { ended: 0, cut: clients.length });
  for (const client of clients) assert.equal(await client.ending(), "ECONNRESET");
  assert.equal(umay.sessions.length, clients.length);
  assert.ok(umay.sessions.every((line) => line["reason"] === "stopped"));
  const ports = clients.map(({ port }) => `127.0.0.1:${port}`);
  assert.deepEqual(umay.sessions.map((line) => line["client"]).sort(), ports.sort());
});

test("without sessions, a drain takes no time", async () => {
  await using backend = await startEchoBackend();
  await using umay = await start(backend.address, `{ timeout = "10m" }`);
  // An admin client that keeps its connection open does not hold it up.
  await umay.status();
  const asked = performance.now();
  umay.signal("SIGTERM");
  assert.equal(await umay.exited, 0);
  assert.ok(performance.now() - asked < patient(10_000), "far below the timeout of the drain");
  assert.deepEqual(await drained(umay), { ended: 0, cut: 0 });
});

// A connection that the kernel still holds when the listening sockets close is reset by the kernel.
test("a session that begins while a drain begins is served to its end", async () => {
  await using backend = await startEchoBackend();
  await using umay = await start(backend.address, `{ timeout = "10m" }`, 2);
  const port = umay.port("plain");
  const served: Promise<string>[] = [];
  umay.signal("SIGTERM");
  for (let error: string | undefined; error === undefined; ) {
    try {
      const client = await connectPlain(port);
      client.end("x");
      served.push(client.ending());
    } catch (refusal) {
      error = (refusal as NodeJS.ErrnoException).code;
    }
  }
  await Promise.all(served);
  assert.equal(await umay.exited, 0);
  assert.equal((await drained(umay)).cut, 0);
  assert.ok(umay.sessions.every((line) => line["reason"] === "client_closed"));
});
