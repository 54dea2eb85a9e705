import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import { freePorts } from "../support/free-ports.ts";
import { patient } from "../support/patience.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

function toml(backends: readonly string[], settings: string): string {
  return `
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    [listeners.plain]
    bind = "127.0.0.1:0"
    pool = "echo"
    [pools.echo]
    picker = "round-robin"
    ${settings}
    [pools.echo.discovery]
    type = "static"
    backends = ${JSON.stringify(backends)}`;
}

/** One session: a line there and back. @returns the answer, or "closed" where there is none. */
async function session(umay: RunningUmay): Promise<string> {
  const closed = new AbortController();
  const socket = connect({ port: umay.port("plain"), host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  socket.once("close", () => closed.abort());
  socket.write("x\n");
  try {
    const [answer] = (await once(socket, "data", { signal: closed.signal })) as [Buffer];
    return answer.toString().trim();
  } catch {
    return "closed";
  } finally {
    socket.destroy();
  }
}

async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const deadline = performance.now() + patient(10_000);
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `${what}: not in time`);
    await sleep(20);
  }
}

async function states(umay: RunningUmay): Promise<string[]> {
  return (await umay.status()).pools["echo"]!.backends.map(({ state }) => state);
}

class RawBackend implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  constructor(server: Server, sockets: ReadonlySet<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** A backend that does this with every connection. */
async function startRaw(deed: (socket: Socket) => void): Promise<RawBackend> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    deed(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new RawBackend(server, sockets);
}

/** Resets every connection as soon as something comes. */
const resetting = (socket: Socket): void => {
  socket.once("data", () => socket.resetAndDestroy());
};

test("what the checks say counts, not that a backend can be connected", async () => {
  const good = await startEcho({ bind: "127.0.0.1:0", name: "good" });
  const sick = await startEcho({ bind: "127.0.0.1:0", name: "sick" });
  const health = createHttpServer((_, response) => response.writeHead(503).end());
  health.listen(0, "127.0.0.2");
  await once(health, "listening");
  const { port } = health.address() as AddressInfo;
  // Both are asked at the same address: one answer for all.
  const checks = `panic_threshold = 0
    health = { type = "http", address = "127.0.0.2", port = ${port}, interval = "100ms" }`;
  const addresses = [good, sick].map(({ address }) => formatAddress(address));
  try {
    await using umay = await startUmay(toml(addresses, checks));
    assert.deepEqual(await states(umay), ["down", "down"]);
    const down = await umay.logged((line) => line.msg === "backend is down");
    assert.equal(down["cause"], "status 503, expected 200-299");
    assert.equal(await session(umay), "closed");
    assert.equal((await umay.session())["reason"], "no_backend");
    assert.equal(await umay.metric("umay_pool_panic"), 0);
  } finally {
    health.close();
    await Promise.all([good.close(), sick.close()]);
  }
});

test("when the checks find too few backends up, sessions go to all of them", async () => {
  const servers = await Promise.all(["a", "b"].map((name) => startEcho({ bind: "127.0.0.1:0", name })));
  const addresses = servers.map(({ address }) => formatAddress(address));
  const [closed] = await freePorts(1);
  try {
    const checks = `health = { type = "tcp", port = ${closed}, interval = "100ms" }`;
    await using umay = await startUmay(toml(addresses, checks));
    await umay.logged((line) => line.msg.startsWith("too few backends are up") && line["pool"] === "echo");
    assert.equal(await umay.metric("umay_pool_panic", { pool: "echo" }), 1);
    assert.deepEqual(await states(umay), ["down", "down"]);
    const answers = new Set<string>();
    for (let count = 0; count < 10; count++) answers.add(await session(umay));
    assert.deepEqual([...answers].sort(), ["a: x", "b: x"]);
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
});

test("a backend that refuses sessions is ejected for a while, then for longer; the last one never is", async () => {
  const echo = await startEcho({ bind: "127.0.0.1:0", name: "good" });
  const [closed] = await freePorts(1);
  const addresses = [`127.0.0.1:${closed}`, formatAddress(echo.address)];
  const outlier = `outlier = { consecutive_errors = 3, ejection = { base = "500ms" } }`;
  await using umay = await startUmay(toml(addresses, outlier));
  let load: NodeJS.Timeout | undefined;
  try {
    const answers: Promise<string>[] = [];
    load = setInterval(() => answers.push(session(umay)), patient(5));
    const ejections = () => umay.log.filter((line) => line.msg.startsWith("backend is ejected"));
    await until(() => ejections().length === 3, "three ejections");
    clearInterval(load);
    const [first, second, third] = ejections().map((line) => line["ejected_ms"] as number);
    assert.ok(first! >= 450 && first! <= 550, `${first}`);
    assert.ok(second! >= 900 && second! <= 1_100, `${second}`);
    assert.ok(third! >= 1_350 && third! <= 1_650, `${third}`);
    assert.deepEqual(await states(umay), ["ejected", "up"]);
    assert.equal(await umay.metric("umay_backend_ejections_total", { backend: addresses[0]! }), 3);
    assert.equal(await umay.metric("umay_backend_up", { backend: addresses[0]! }), 0);
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(["good: x"]));
    // Now the other one fails too.
    await echo.close();
    for (let count = 0; count < 10; count++) assert.equal(await session(umay), "closed");
    await sleep(250);
    assert.equal((await states(umay))[1], "up");
  } finally {
    clearInterval(load);
    await echo.close().catch(() => {});
  }
});

test("resets before the first byte eject a backend; resets after it do not, and neither do clients that leave", async () => {
  await using bad = await startRaw(resetting);
  await using rough = await startRaw((socket) => {
    socket.once("data", () => socket.write("rough\n", () => setTimeout(() => socket.resetAndDestroy(), 10)));
  });
  await using umay = await startUmay(
    toml([bad.address, rough.address], "outlier = { consecutive_errors = 4 }"),
  );
  for (let count = 0; count < 40; count++) await session(umay);
  await umay.logged((line) => line.msg.startsWith("backend is ejected"));
  assert.deepEqual(await states(umay), ["ejected", "up"]);
  for (let count = 0; count < 20; count++) assert.equal(await session(umay), "rough");
  assert.equal(await umay.metric("umay_backend_ejections_total", { backend: rough.address }), 0);
});

test("a backend that only takes, and one that a session in between succeeds on, is not ejected", async () => {
  await using taker = await startRaw((socket) => socket.resume());
  let connections = 0;
  await using moody = await startRaw((socket) => {
    if (++connections % 3 === 0) socket.end("good\n");
    else resetting(socket);
  });
  await using umay = await startUmay(
    toml([taker.address, moody.address], "outlier = { consecutive_errors = 3 }"),
  );
  for (let count = 0; count < 60; count++) {
    const socket = connect({ port: umay.port("plain"), host: "127.0.0.1" });
    const closed = Promise.withResolvers<void>();
    socket.on("error", () => {}).once("close", () => closed.resolve());
    socket.resume().end("x\n");
    await closed.promise;
  }
  await sleep(250);
  assert.deepEqual(await states(umay), ["up", "up"]);
});

test("a passed check ends an ejection early", async () => {
  const echo = await startEcho({ bind: "127.0.0.1:0", name: "good" });
  await using bad = await startRaw(resetting);
  const settings = `health = { type = "tcp", interval = "500ms" }
    outlier = { consecutive_errors = 2, ejection = { base = "1h", max = "1h" } }`;
  try {
    await using umay = await startUmay(toml([bad.address, formatAddress(echo.address)], settings));
    for (let count = 0; count < 10; count++) await session(umay);
    const back = await umay.logged((line) => line.msg === "backend is no longer ejected");
    assert.equal(back["cause"], "it passed a check");
    assert.equal(back["backend"], bad.address);
  } finally {
    await echo.close();
  }
});
