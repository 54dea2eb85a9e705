import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { type Backend, startBackend, startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml, turnedAway } from "../support/client.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { patient } from "../support/patience.ts";
import type { Peer } from "../support/peer.ts";
import { sabotage, sabotaged } from "../support/sabotage.ts";
import { becomes, sessionOf, settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const head = (workers: number, pools: readonly string[]): string => `
  workers = ${workers}
  log = { level = "debug" }
  admin = { bind = "127.0.0.1:0" }
  ${pools.map((name) => `listeners.${name} = { bind = "127.0.0.1:0", pool = "${name}" }`).join("\n")}`;

const waiting = (umay: RunningUmay, pool: string, sessions: number): Promise<number> =>
  becomes(
    () => umay.metric("umay_pool_queue_sessions", { pool }),
    (count) => count === sessions,
    `sessions of ${pool} that wait`,
  );

describe("max_connections_per_backend", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  const backends: Backend[] = [];

  before(async () => {
    for (let count = 0; count < 2; count++) backends.push(resources.use(await startEchoBackend()));
    const [one, other] = backends.map(({ address }) => address) as [string, string];
    const limit = (most: number, queue: string): string => `picker = "round-robin"
      max_connections_per_backend = ${most}
      queue = ${queue}`;
    umay = resources.use(
      await startUmay(`
        ${head(1, ["both", "brief", "tiny", "none"])}
        ${poolToml("both", [one, other], limit(2, "{}"))}
        ${poolToml("brief", [one], limit(1, '{ timeout = "100ms" }'))}
        ${poolToml("tiny", [one], limit(1, "{ size = 1 }"))}
        ${poolToml("none", [one], limit(1, "{ size = 0 }"))}`),
    );
  });
  afterEach(async () => {
    for (const backend of backends) backend.drop();
    await settled(umay);
  });
  after(() => resources.disposeAsync());

  /** A session that a backend has answered. */
  async function served(pool: string): Promise<Peer> {
    const client = await connectPlain(umay.port(pool));
    await client.write("x");
    assert.equal(String(await client.read(1)), "x");
    return client;
  }

  test("each backend gets so many; who comes then waits, and is served in the order in which they came", async () => {
    const busy = await Promise.all(Array.from({ length: 4 }, () => served("both")));
    assert.deepEqual(
      backends.map(({ peers }) => peers.length),
      [2, 2],
    );
    const answered: number[] = [];
    const clients: Peer[] = [];
    for (let index = 0; index < 4; index++) {
      const client = await connectPlain(umay.port("both"));
      clients.push(client);
      await client.write("x");
      void client.read(1).then(() => answered.push(index));
      await waiting(umay, "both", index + 1);
    }
    for (const [index, client] of busy.entries()) {
      client.end();
      await becomes(
        () => answered.length,
        (count) => count === index + 1,
        "sessions served",
      );
    }
    assert.deepEqual(answered, [0, 1, 2, 3]);
    clients[0]!.end();
    const line = await sessionOf(umay, clients[0]!);
    assert.equal(line["reason"], "client_closed");
    assert.ok((line["queue_ms"] as number) > 0);
    assert.equal((await sessionOf(umay, busy[0]!))["queue_ms"], undefined);
    assert.equal(await umay.metric("umay_pool_queued_total", { pool: "both" }), 4);
    assert.equal(await umay.metric("umay_pool_queue_duration_seconds_count", { pool: "both" }), 4);
    const { queue } = (await umay.status()).pools["both"]!;
    assert.deepEqual([queue.sessions, queue.queued_total], [0, 4]);
    for (const client of clients) client.end();
  });

  test("a backend that is gone leaves its place to the next session, though its client has not ended", async () => {
    const first = await served("tiny");
    const [server] = backends[0]!.peers as [Peer];
    server.end();
    assert.equal(await first.ending(), "end");
    server.reset();
    const second = await served("tiny");
    assert.equal((await sessionOf(umay, first))["reason"], "backend_reset");
    second.end();
  });

  test("a backend that has ended and is sent nothing leaves its place, though it may still read", async () => {
    using first = await served("tiny");
    const [server] = backends[0]!.peers as [Peer];
    server.end();
    assert.equal(await first.ending(), "end");
    using second = await served("tiny");
    server.socket.resume();
    await first.write("late");
    await server.receivedAtLeast("xlate".length);
    for (const client of [first, second]) client.end();
  });

  test("a session that has waited for queue.timeout is reset", async () => {
    using _ = await served("brief");
    using client = await connectPlain(umay.port("brief"));
    assert.equal(await client.ending(), "ECONNRESET");
    const line = await sessionOf(umay, client);
    assert.deepEqual([line["reason"], line["origin"], line["pool"]], ["queue_timeout", "umay", "brief"]);
    assert.equal(line["attempts"], undefined);
    assert.ok((line["queue_ms"] as number) >= 100);
  });

  test("with the queue full, or none, a session is reset at once", async () => {
    for (const [pool, room] of [
      ["tiny", 1],
      ["none", 0],
    ] as const) {
      using busy = await served(pool);
      using waits = room === 0 ? busy : await connectPlain(umay.port(pool));
      await waiting(umay, pool, room);
      assert.equal(await turnedAway(connectPlain(umay.port(pool))), "ECONNRESET");
      const line = await umay.session((one) => one["listener"] === pool && one["reason"] === "queue_full");
      assert.equal(line["pool"], pool);
      waits.reset();
      busy.reset();
    }
  });

  test("a client that goes away while it waits leaves its place to the next one", async () => {
    const busy = await served("tiny");
    for (const leave of [(client: Peer) => client.reset(), (client: Peer) => client.end()]) {
      using client = await connectPlain(umay.port("tiny"));
      await waiting(umay, "tiny", 1);
      leave(client);
      const line = await sessionOf(umay, client);
      assert.equal(line["reason"], "client_gone");
      assert.equal(line["level"], "debug");
      await waiting(umay, "tiny", 0);
    }
    // A client that has said all that it has to say still wants an answer.
    using patient = await connectPlain(umay.port("tiny"));
    patient.end("y");
    await waiting(umay, "tiny", 1);
    busy.end();
    assert.equal(String(await patient.readToEnd()), "y");
  });
});

test("under load from all workers no backend ever has more, and everybody is served", async () => {
  const most = 3;
  const peaks: number[] = [0, 0];
  const resources = new AsyncDisposableStack();
  await using _ = resources;
  const addresses: string[] = [];
  for (const index of [0, 1]) {
    let open = 0;
    const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
      peaks[index] = Math.max(peaks[index]!, ++open);
      socket
        .on("error", () => {})
        .once("data", () =>
          setTimeout(() => {
            // Before umay can know that the place is free.
            open--;
            socket.end("bye");
          }, 2),
        );
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    resources.defer(() => void server.close());
    addresses.push(`127.0.0.1:${(server.address() as { port: number }).port}`);
  }
  const limit = `max_connections_per_backend = ${most}\n queue = { timeout = "1m" }`;
  await using umay = await startUmay(`${head(2, ["busy"])} ${poolToml("busy", addresses, limit)}`);
  const sessions = Array.from({ length: 200 }, async () => {
    using client = await connectPlain(umay.port("busy"));
    client.end("hello");
    return String(await client.readToEnd());
  });
  assert.deepEqual(new Set(await Promise.all(sessions)), new Set(["bye"]));
  assert.deepEqual(peaks, [most, most]);
  await settled(umay);
  const { queue } = (await umay.status()).pools["busy"]!;
  assert.equal(queue.sessions, 0);
  assert.ok(queue.queued_total >= 100, `${queue.queued_total}`);
});

test("a place that comes free in one worker reaches sessions that wait in any other, in turns", async () => {
  const backend = await startBackend();
  await using _ = backend;
  const limit = `max_connections_per_backend = 1\n queue = { timeout = "1m" }`;
  await using umay = await startUmay(`${head(3, ["one"])} ${poolToml("one", [backend.address], limit)}`);
  const clients = await Promise.all(Array.from({ length: 30 }, () => connectPlain(umay.port("one"))));
  await waiting(umay, "one", clients.length - 1);
  const { workers } = await umay.status();
  assert.ok(
    workers.every(({ connections }) => connections > 0),
    "every worker has some",
  );
  const began = performance.now();
  for (const _client of clients) (await backend.next()).reset();
  const took = performance.now() - began;
  assert.ok(took < patient(5_000), `${took} ms for ${clients.length} sessions`);
  for (const client of clients) await client.ending();
});

/** A session that holds the only place, and one that waits. */
async function oneServedOneWaiting(umay: RunningUmay, pool: string): Promise<[Peer, Peer]> {
  const served = await connectPlain(umay.port(pool));
  await served.write("x");
  await served.read(1);
  const waits = await connectPlain(umay.port(pool));
  await waits.write("y");
  await waiting(umay, pool, 1);
  return [served, waits];
}

const onePlace = `max_connections_per_backend = 1
  panic_threshold = 0
  queue = { timeout = "1m" }`;

test("a backend that discovery adds takes a session that waits", async () => {
  await using dns = await startDnsServer();
  await using echo = await startEchoBackend();
  const port = Number(echo.address.split(":")[1]);
  const other = createTcpServer((socket) => socket.on("error", () => {}).pipe(socket));
  other.listen(port, "127.0.0.2");
  dns.answer("app.test", "A", ["127.0.0.1"]);
  try {
    await using umay = await startUmay(`${head(2, ["app"])}
      [pools.app]
      ${onePlace}
      [pools.app.discovery]
      type = "dns"
      name = "app.test"
      port = ${port}
      nameservers = ["${dns.address}"]
      refresh = { min = "100ms", max = "100ms" }`);
    const [served, waits] = await oneServedOneWaiting(umay, "app");
    dns.answer("app.test", "A", ["127.0.0.1", "127.0.0.2"]);
    assert.equal(String(await waits.read(1)), "y");
    served.end();
    waits.end();
  } finally {
    other.close();
  }
});

test("a backend that recovers takes a session that waits", async () => {
  await using echo = await startEchoBackend();
  const [port] = await freePorts(1);
  const check = `health = { type = "tcp", interval = "100ms", rise = 1 }`;
  await using umay = await startUmay(
    `${head(2, ["app"])} ${poolToml("app", [echo.address, `127.0.0.1:${port}`], `${onePlace}\n${check}`)}`,
  );
  const [served, waits] = await oneServedOneWaiting(umay, "app");
  const other = createTcpServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(
    port,
    "127.0.0.1",
  );
  try {
    assert.equal(String(await waits.read(1)), "y");
    served.end();
    waits.end();
    await settled(umay);
  } finally {
    other.close();
  }
});

test("a backend that is no longer drained takes a session that waits", async () => {
  await using echo = await startEchoBackend();
  await using other = await startEchoBackend();
  await using umay = await startUmay(
    `${head(2, ["app"])} ${poolToml("app", [echo.address, other.address], onePlace)}`,
  );
  const post = async (deed: "drain" | "undrain"): Promise<void> => {
    const response = await fetch(`${umay.admin}/pools/app/backends/${other.address}/${deed}`, {
      method: "POST",
    });
    assert.equal(response.status, 200, await response.text());
  };
  await post("drain");
  const [served, waits] = await oneServedOneWaiting(umay, "app");
  await post("undrain");
  assert.equal(String(await waits.read(1)), "y");
  served.end();
  waits.end();
});

test("a session whose backend is dead waits for room on another one without spending the retry budget", async () => {
  await using echo = await startEchoBackend();
  const [closed] = await freePorts(1);
  await using umay = await startUmay(
    `${head(1, ["app"])} ${poolToml("app", [`127.0.0.1:${closed}`, echo.address], `picker = "round-robin"\n${onePlace}`)}`,
  );
  const retries = (): Promise<number> => umay.metric("umay_pool_retries_total");
  using served = await connectPlain(umay.port("app"));
  await served.write("x");
  await served.read(1);
  const before = await retries();
  using waits = await connectPlain(umay.port("app"));
  await waits.write("y");
  await waiting(umay, "app", 1);
  await becomes(
    () => umay.metric("umay_backend_connect_failures_total", { reason: "refused" }),
    (count) => count >= 1,
    "attempts that failed",
  );
  for (let look = 0; look < 5; look++) assert.equal(await retries(), before);
  served.end();
  assert.equal(String(await waits.read(1)), "y");
  waits.end();
});

test("while umay drains, sessions that wait are served as before", async () => {
  await using echo = await startEchoBackend();
  await using umay = await startUmay(`${head(2, ["app"])} ${poolToml("app", [echo.address], onePlace)}`);
  const [served, waits] = await oneServedOneWaiting(umay, "app");
  umay.signal("SIGTERM");
  await umay.logged((line) => line.msg === "draining");
  served.end();
  assert.equal(String(await waits.read(1)), "y");
  waits.end();
  assert.equal(await umay.exited, 0);
});

test("a session that waits ends when there is no backend left to wait for", async () => {
  await using echo = await startEchoBackend();
  const health = createServer((_request, response) => response.writeHead(status).end()).listen(
    0,
    "127.0.0.1",
  );
  await once(health, "listening");
  let status = 200;
  const check = `health = { type = "http", port = ${(health.address() as AddressInfo).port}, interval = "100ms", fall = 1 }`;
  try {
    await using umay = await startUmay(
      `${head(2, ["app"])} ${poolToml("app", [echo.address], `${onePlace}\n${check}`)}`,
    );
    const [served, waits] = await oneServedOneWaiting(umay, "app");
    status = 503;
    assert.equal(await waits.ending(), "ECONNRESET");
    assert.equal((await sessionOf(umay, waits))["reason"], "no_backend");
    served.end();
  } finally {
    health.close();
  }
});

test("the places of a worker that dies reach sessions that wait in another one", async () => {
  await using echo = await startEchoBackend();
  const dir = mkdtempSync(join(tmpdir(), "umay-queue-"));
  try {
    await using umay = await startUmay(
      `${head(2, ["app"])} ${poolToml("app", [echo.address], onePlace)}`,
      sabotaged(dir),
    );
    using served = await connectPlain(umay.port("app"));
    await served.write("x");
    await served.read(1);
    const holder = (await umay.status()).workers.find(({ connections }) => connections === 1)!;
    const clients = await Promise.all(Array.from({ length: 16 }, () => connectPlain(umay.port("app"))));
    await waiting(umay, "app", clients.length);
    const other = (await umay.status()).workers.find(({ id }) => id !== holder.id)!;
    await sabotage(dir, `worker-${holder.id}`, "exit");
    await served.ending();
    // One of the others has the place now; the dead worker's sessions wait no longer.
    await waiting(umay, "app", other.connections - 1);
    for (const client of clients) client.reset();
    await settled(umay);
    assert.equal(await umay.metric("umay_pool_queue_sessions", { pool: "app" }), 0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("a client that goes away while it waits is noticed also where its connection moved to another worker", async () => {
  await using backend = await startEchoBackend();
  const limit = 'max_connections_per_backend = 1\nqueue = { timeout = "1h" }';
  await using umay = await startUmay(`${head(2, ["echo"])} ${poolToml("echo", [backend.address], limit)}`);
  let moved = 0;
  // The kernel alone has them even, so that none moves, in one case of sixteen or less.
  for (let round = 1; moved === 0; round++) {
    assert.ok(round <= 10, "none moved");
    const clients: Peer[] = [];
    for (let count = 0; count < 9; count++) {
      clients.push(await connectPlain(umay.port("echo")));
      await waiting(umay, "echo", count);
    }
    moved = await umay.metric("umay_listener_given_away_total");
    for (const client of clients.slice(1)) client.reset();
    await waiting(umay, "echo", 0);
    clients[0]!.end();
    await settled(umay);
  }
});
