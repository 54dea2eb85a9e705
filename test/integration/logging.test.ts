import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectTo, listenersToml, poolToml, transports } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { soon } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { echoed, endingOf, farewell } from "../support/talk.ts";
import { type LogLine, type RunningUmay, spawnUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

function toml(backend: Backend, log = "", workers = 1): string {
  return `
    workers = ${workers}
    admin = { bind = "127.0.0.1:0" }
    log = { ${log} }
    ${listenersToml("echo", certificates)}
    ${poolToml("echo", [backend.address])}`;
}

/** Whole sessions, forty at a time. @returns what the log calls their clients. */
async function sessions(port: number, count: number): Promise<string[]> {
  const clients: string[] = [];
  let left = count;
  const loop = async (): Promise<void> => {
    while (left-- > 0) {
      const client = await connectPlain(port);
      clients.push(`127.0.0.1:${client.port}`);
      await farewell(client);
    }
  };
  await Promise.all(Array.from({ length: 40 }, loop));
  return clients;
}

const clientsOf = (umay: RunningUmay): unknown[] => umay.sessions.map((line) => line["client"]).sort();

async function end(umay: RunningUmay): Promise<void> {
  umay.signal("SIGTERM");
  assert.equal(await soon(umay.exited, "the end of umay", 5_000), 0);
}

test("every session has one whole line, also while nobody reads them for a while", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend, "", 2));
  const clients = await sessions(umay.port("plain"), 500);
  // The pipe holds a few hundred lines.
  umay.output.pause();
  clients.push(...(await sessions(umay.port("plain"), 1_500)));
  assert.equal(await umay.metric("umay_listener_connections_total"), clients.length);
  assert.equal(await umay.metric("umay_log_lines_dropped_total"), 0);
  assert.ok(umay.sessions.length < clients.length);
  umay.output.resume();
  await end(umay);
  assert.deepEqual(clientsOf(umay), clients.sort());
  for (const line of umay.log) assert.match(String(line["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("a session's line tells who, where to, how much, how long and why", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend));
  for (const transport of transports) await farewell(await connectTo(umay, transport), "eleven chars");
  for (const listener of transports) {
    const line = await umay.session((line) => line["listener"] === listener);
    const { id, time, client, attempts, handshake_ms, connect_ms, duration_ms, ...rest } = line;
    const tls = { plain: undefined, tls12: "TLSv1.2", tls13: "TLSv1.3" }[listener];
    assert.deepEqual(rest, {
      level: "info",
      listener,
      ...(tls !== undefined && { tls }),
      pool: "echo",
      backend: backend.address,
      pick: { picker: "power-of-two", candidates: 1 },
      received: 12,
      sent: 12,
      reason: "client_closed",
      origin: "client",
      end: "the client closed first, and both directions ended cleanly",
      msg: "session",
    });
    assert.match(String(id), /^[\da-f]{6}-[\da-z]+$/);
    assert.match(String(client), /^127\.0\.0\.1:\d+$/);
    assert.equal(typeof handshake_ms, tls === undefined ? "undefined" : "number");
    const [attempt, ...others] = attempts as { backend: string; ms: number }[];
    assert.equal(others.length, 0);
    assert.equal(attempt?.backend, backend.address);
    assert.equal(attempt?.ms, connect_ms);
    assert.ok(Number(duration_ms) > Number(connect_ms) + Number(handshake_ms ?? 0));
  }
});

test("log.sessions = false logs everything but sessions", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend, "sessions = false"));
  await sessions(umay.port("plain"), 40);
  await end(umay);
  assert.deepEqual(umay.sessions, []);
  // The certificates, which expire soon, are warned of.
  const lines = umay.log.filter(({ level }) => level !== "warn");
  assert.deepEqual(
    lines.map(({ msg }) => msg.split(":")[0]),
    ["umay is starting", "backends of a pool changed", "umay is ready", "draining", "drained"],
  );
});

for (const level of ["info", "debug"] as const)
  test(`what scanners leave behind is ${level === "info" ? "not " : ""}logged at level ${level}`, async () => {
    await using backend = await startEchoBackend();
    await using umay = await startUmay(toml(backend, `level = "${level}"`));
    const scanner = await connectPlain(umay.port("tls13"));
    scanner.end("GET / HTTP/1.1\r\n\r\n");
    await scanner.ending();
    const gone = await connectPlain(umay.port("tls13"));
    gone.reset();
    await becomes(
      () => umay.metric("umay_tls_handshakes_total"),
      (count) => count === 2,
      "counted handshakes",
    );
    await end(umay);
    const noise = umay.sessions.map((line) => [line.level, line["reason"], line["tls_error"]]);
    if (level === "info") assert.deepEqual(noise, []);
    else
      assert.deepEqual(noise.toSorted(), [
        ["debug", "handshake_failed", "client_gone: read ECONNRESET"],
        ["debug", "handshake_failed", "not_tls: http request"],
      ]);
  });

const cannotWrite = /^umay: cannot write the log to standard output \(.+\): lines are dropped, .*\n$/;

test("when the log's reader goes away, umay goes on serving and counts the lines", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend));
  umay.output.destroy();
  await sessions(umay.port("plain"), 50);
  const dropped = await becomes(
    () => umay.metric("umay_log_lines_dropped_total"),
    (lines) => lines >= 50,
    "dropped lines",
  );
  assert.equal(dropped, 50);
  assert.equal((await umay.readiness()).status, 200);
  await end(umay);
  assert.match(umay.stderr, cannotWrite);
});

test("a reader that reads nothing does not keep umay from ending", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend));
  umay.output.pause();
  await sessions(umay.port("plain"), 1_500);
  umay.signal("SIGTERM");
  const alive = (): boolean => {
    try {
      return process.kill(umay.pid, 0);
    } catch {
      return false;
    }
  };
  await becomes(alive, (lives) => !lives, "umay's life");
  umay.output.resume();
  assert.equal(await umay.exited, 0);
  assert.ok(umay.sessions.length < 1_500);
});

test("when the log's disk is full, umay starts, serves and counts the lines", async () => {
  const [port = 0, adminPort] = await freePorts(2);
  await using backend = await startEchoBackend();
  const full = openSync("/dev/full", "w");
  await using umay = spawnUmay(
    `
    workers = 1
    admin = { bind = "127.0.0.1:${adminPort}" }
    listeners.echo = { bind = "127.0.0.1:${port}", pool = "echo" }
    ${poolToml("echo", [backend.address])}`,
    { stdout: full },
  );
  closeSync(full);
  const get = async (path: string): Promise<string> =>
    await fetch(`http://127.0.0.1:${adminPort}${path}`).then(
      (response) => response.text(),
      () => "",
    );
  await becomes(
    () => get("/readyz"),
    (text) => text === "ready\n",
    "readiness",
  );
  await sessions(port, 50);
  const dropped = await becomes(
    async () => Number(/^umay_log_lines_dropped_total (\d+)$/m.exec(await get("/metrics"))?.[1]),
    (lines) => lines >= 53,
    "dropped lines",
  );
  // Starting, the pool's backends, ready.
  assert.equal(dropped, 50 + 3);
  await end(umay);
  assert.match(umay.stderr, cannotWrite);
});

test("refused connections cost at most one line a second, which counts them", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(`
    workers = 2
    listeners.echo = { bind = "127.0.0.1:0", pool = "echo", max_connections = 1 }
    ${poolToml("echo", [backend.address])}`);
  const only = await connectPlain(umay.port("echo"));
  await echoed(only);
  const refusals = Array.from({ length: 100 }, () => endingOf(connectPlain(umay.port("echo"))));
  assert.ok((await Promise.all(refusals)).every((ending) => ending === "ECONNRESET"));
  await farewell(only);
  await end(umay);
  const lines = umay.log.filter((line: LogLine) => line["refused"] !== undefined);
  assert.equal(
    lines.reduce((sum, line) => sum + Number(line["refused"]), 0),
    100,
  );
  assert.ok(lines.length <= 3);
});
