import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposableSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import type { ReloadAnswer } from "../../src/control/change/reload.ts";
import { listen } from "../../src/lib/listen.ts";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSecure, poolToml } from "../support/client.ts";
import { type Finished, runCommand } from "../support/command.ts";
import { freePorts } from "../support/free-ports.ts";
import { patient } from "../support/patience.ts";
import { soon } from "../support/peer.ts";
import { becomes, openFiles } from "../support/settled.ts";
import { echoed, endingOf, farewell } from "../support/talk.ts";
import { type RunningUmay, type StartOptions, startUmay } from "../support/umay.ts";

const base = `
  workers = 2
  admin = { bind = "127.0.0.1:0" }`;

/** A umay that runs with a file, in a test's hands. */
class Reloadable implements AsyncDisposable {
  readonly umay: RunningUmay;
  readonly file: string;

  constructor(umay: RunningUmay, file: string) {
    this.umay = umay;
    this.file = file;
  }

  /** Has it take another configuration into service. */
  async reload(
    toml: string,
    query = "",
  ): Promise<{ status: number; body: ReloadAnswer & { error: string } }> {
    writeFileSync(this.file, toml);
    const response = await fetch(`${this.umay.admin}/reload${query}`, { method: "POST" });
    return { status: response.status, body: (await response.json()) as ReloadAnswer & { error: string } };
  }

  /** The same, which is to succeed. @returns what changed. */
  async change(toml: string): Promise<readonly string[]> {
    const { status, body } = await this.reload(toml);
    assert.equal(status, 200, body.error);
    return body.changes;
  }

  /** As `--admin` takes it. */
  get admin(): string {
    return this.umay.admin.slice("http://".length);
  }

  command(...args: readonly string[]): Promise<Finished> {
    return runCommand(["reload", "--admin", this.admin, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.umay[Symbol.asyncDispose]();
  }
}

async function start(t: TestContext, toml: string, options: StartOptions = {}): Promise<Reloadable> {
  const dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  t.after(() => dir.remove());
  const file = join(dir.path, "umay.toml");
  writeFileSync(file, toml);
  return new Reloadable(await startUmay("", { ...options, args: ["--config", file] }), file);
}

async function echoes(port: number): Promise<void> {
  const client = await connectPlain(port);
  await echoed(client);
  await farewell(client);
}

test("listeners and pools come, change and go; sessions and what did not change are not touched", async (t) => {
  await using one = await startEchoBackend();
  await using two = await startEchoBackend();
  const [portA, portB, portC] = await freePorts(3);
  const pool = (name: string, backend: Backend, settings = ""): string =>
    poolToml(name, [backend.address], settings);
  const listener = (name: string, port: number | undefined, of: string): string =>
    `\nlisteners.${name} = { bind = "127.0.0.1:${port}", pool = "${of}" }`;
  const before = base + listener("a", portA, "one") + listener("b", portB, "one") + pool("one", one);
  await using scene = await start(t, before);
  const { umay } = scene;
  const [onA, onB] = [await connectPlain(portA!), await connectPlain(portB!)];
  for (const client of [onA, onB]) await echoed(client);

  // The same, written in another way.
  const { generation } = await umay.status();
  assert.deepEqual(await scene.change(`${before}\n# a remark\n[log]\nsessions = true\n`), []);
  assert.equal((await umay.status()).generation, generation);

  const after = base + listener("a", portA, "two") + listener("c", portC, "two") + pool("two", two);
  assert.deepEqual(await scene.change(after), [
    "listeners.a: changed pool",
    "listeners.c: added",
    "listeners.b: removed",
    "pools.two: added",
    "pools.one: removed",
  ]);
  const shown = await runCommand(["config", "--admin", scene.admin]);
  assert.match(shown.stdout, /^listeners\.a\.pool = "two" # \S+umay\.toml:\d+:\d+$/m);
  for (const client of [onA, onB]) await echoed(client);
  await echoes(portA!);
  await echoes(portC!);
  assert.equal(two.peers.length, 2);
  assert.equal(await endingOf(connectPlain(portB!)), "ECONNREFUSED");
  // Listeners and pools that left are counted for as long as they have sessions.
  assert.equal(await umay.metric("umay_listener_connections", { listener: "b" }), 1);
  assert.equal(await umay.metric("umay_backend_connections", { backend: one.address }), 2);
  await farewell(onB);
  await becomes(
    () => umay.metric("umay_listener_connections", { listener: "b" }),
    (open) => open === 0,
    "b's sessions",
  );
  await farewell(onA);

  // It comes back, on the same port; and beside it a pool whose name nobody resolves.
  const lost = `[pools.lost.discovery]
    type = "dns"
    name = "lost.test"
    port = 80
    nameservers = ["127.0.0.1:1"]`;
  assert.deepEqual(await scene.change(before.replace(base, base + listener("d", portC, "lost")) + lost), [
    "listeners.d: added",
    "listeners.a: changed pool",
    "listeners.b: added",
    "listeners.c: removed",
    "pools.one: added",
    "pools.lost: added",
    "pools.two: removed",
  ]);
  assert.equal((await umay.readiness()).status, 200);
  assert.equal(await endingOf(connectPlain(portC!)), "ECONNRESET");
  for (const port of [portA!, portB!]) await echoes(port);
  assert.equal(await umay.metric("umay_config_reloads_total", { result: "applied" }), 3);
  assert.equal(await umay.metric("umay_config_reloads_total", { result: "failed" }), 0);
});

test("what is wrong with a configuration is said, counted, and changes nothing", async (t) => {
  await using backend = await startEchoBackend();
  const taken = createServer();
  t.after(() => taken.close());
  const address = await listen(taken, { kind: "tcp", host: "127.0.0.1", port: 0 });
  const good = `${base}\nlisteners.a = { bind = "127.0.0.1:0", pool = "echo" }${poolToml("echo", [backend.address])}`;
  await using scene = await start(t, good);
  const { umay } = scene;
  const client = await connectPlain(umay.port("a"));
  await echoed(client);

  // As at start: with the place, the lines around it and a guess.
  writeFileSync(scene.file, `${good}\npikcer = "random"\n`);
  const invalid = await scene.command();
  assert.equal(invalid.code, 78);
  assert.match(invalid.stderr, /umay\.toml:\d+:1: error: pools\.echo\.discovery\.pikcer: unknown key\n/);
  assert.match(invalid.stderr, /> \d+ \| pikcer = "random"\n/);
  umay.signal("SIGHUP");
  const said = await umay.logged(({ by }) => by === "SIGHUP");
  assert.equal(said.level, "error");
  assert.match(String(said["cause"]), /umay\.toml:\d+:1: .*pikcer/);

  // A fault that shows only when the change is tried: all of it or nothing.
  const port = address.kind === "tcp" ? address.port : 0;
  const changed = good.replace("pools.echo]", 'pools.echo]\npicker = "random"');
  writeFileSync(scene.file, `${changed}\n[listeners.b]\nbind = "127.0.0.1:${port}"\npool = "echo"\n`);
  for (const option of ["--dry-run", "--json"]) {
    const refused = await scene.command(option);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      new RegExp(`^umay: listener b cannot listen on 127.0.0.1:${port}: .*in use`),
    );
  }
  assert.equal((await umay.status()).pools["echo"]!.picker, "power-of-two");
  assert.deepEqual(Object.keys((await umay.status()).listeners), ["a"]);

  // Trying it counts as nothing, and changes nothing.
  writeFileSync(scene.file, `workers = 7\n${changed.replace("workers = 2", "")}`);
  const tried = await scene.command("--dry-run");
  assert.deepEqual([tried.code, tried.stderr], [0, ""]);
  assert.deepEqual(tried.stdout.replaceAll(scene.file, "FILE").split("\n"), [
    "would change",
    "  pools.echo: changed picker",
    "    - workers = 2  # FILE:2:3",
    "    + workers = 7  # FILE:1:1",
    '    - pools.echo.picker = "power-of-two"  # default',
    '    + pools.echo.picker = "random"  # FILE:7:1',
    "  workers: counts from the next start on",
    "",
  ]);
  assert.equal((await umay.status()).pools["echo"]!.picker, "power-of-two");
  assert.equal(await umay.metric("umay_config_reloads_total", { result: "failed" }), 3);
  assert.equal(await umay.metric("umay_config_reloads_total", { result: "applied" }), 0);

  umay.signal("SIGHUP");
  const line = await umay.logged(({ msg }) => msg === "the configuration was reloaded");
  assert.deepEqual(line["changes"], ["pools.echo: changed picker"]);
  const later = await umay.logged(({ keys }) => keys !== undefined);
  assert.deepEqual([later.level, later["keys"]], ["warn", ["workers"]]);
  assert.equal((await umay.status()).pools["echo"]!.picker, "random");
  await farewell(client);
});

test("no connection is refused or cut by reloads under load, and no file stays open", async (t) => {
  const { ecdsa } = await testCertificates();
  await using backend = await startEchoBackend();
  const [port] = await freePorts(1);
  // Each time the listener has another name, another pool and another timeout.
  const toml = (round: number): string => `${base}
    [listeners.${round % 2 === 0 ? "even" : "odd"}]
    bind = "127.0.0.1:${port}"
    pool = "pool-${round % 3}"
    timeouts = { idle = "${60 + round}s" }
    tls = { certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }] }
    ${poolToml(`pool-${round % 3}`, [backend.address])}`;
  await using scene = await start(t, toml(0));
  const { umay } = scene;
  const old = await connectSecure(port!);
  await echoed(old);

  let running = true;
  let served = 0;
  const load = async (): Promise<void> => {
    for (; running; served++) {
      using client = await connectSecure(port!);
      await echoed(client);
      await farewell(client);
      await sleep(5);
    }
  };
  const clients = Promise.all([load(), load(), load(), load()]);
  await scene.change(toml(1));
  const files = openFiles(umay.pid);
  for (let round = 2; round < 20; round++) await scene.change(toml(round));
  running = false;
  await clients;
  assert.ok(served > 30, `${served} sessions`);
  await echoed(old);
  await farewell(old);
  await becomes(
    () => openFiles(umay.pid),
    (open) => open <= files,
    "open files",
  );
  const strange = umay.sessions.filter(({ reason }) => reason !== "client_closed");
  assert.deepEqual(strange, []);
});

test("backends keep their state, and clients their tickets", async (t) => {
  const certificates = await testCertificates();
  const { cert, key } = certificates.ecdsa;
  await using up = await startEchoBackend();
  const [nobody] = await freePorts(1);
  const down = `127.0.0.1:${nobody}`;
  const toml = (idle: number, settings: string): string => `${base}
    [listeners.web]
    bind = "127.0.0.1:0"
    pool = "echo"
    timeouts.idle = "${idle}s"
    tls = { certificates = [{ cert = "${cert}", key = "${key}" }] }
    ${poolToml("echo", [up.address, down], settings)}`;
  // Not checked again for an hour: what is known after a reload was known before.
  const health = `health = { type = "tcp", interval = "1h", fall = 1 }`;
  await using scene = await start(t, toml(60, health));
  const { umay } = scene;
  const states = async (): Promise<readonly string[]> =>
    (await umay.status()).pools["echo"]!.backends.map(({ state }) => state);
  await becomes(states, (now) => now[1] === "down", "the backend that is not there");
  const drain = ["--pool", "echo", "--backend", up.address, "--admin", scene.admin];
  const port = umay.port("web");
  const ticket = await ticketOf(port);
  assert.equal((await runCommand(["drain", "--force", ...drain])).code, 0);
  assert.deepEqual(await states(), ["draining", "down"]);
  await scene.change(toml(61, `${health}\nslow_start = "1s"\nconnect.timeout = "1s"`));
  assert.deepEqual(await states(), ["draining", "down"]);
  assert.equal((await runCommand(["undrain", ...drain])).code, 0);
  assert.deepEqual(await states(), ["up", "down"]);
  for (let count = 0; count < 5; count++) {
    using client = await connectSecure(port, { session: ticket });
    assert.ok((client.socket as TLSSocket).isSessionReused());
    await echoed(client);
  }
});

test("a backend that is ejected stays so", async (t) => {
  await using good = await startEchoBackend();
  const [nobody] = await freePorts(1);
  const toml = (timeout: string): string => `${base}
    listeners.a = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml(
      "echo",
      [good.address, `127.0.0.1:${nobody}`],
      `picker = "round-robin"\noutlier = { consecutive_errors = 1 }\nconnect.timeout = "${timeout}"`,
    )}`;
  await using scene = await start(t, toml("5s"));
  const states = async (): Promise<readonly string[]> =>
    (await scene.umay.status()).pools["echo"]!.backends.map(({ state }) => state);
  for (let count = 0; count < 2; count++) await echoes(scene.umay.port("a"));
  await becomes(states, (now) => now[1] === "ejected", "the backend that refuses");
  assert.deepEqual(await scene.change(toml("4s")), ["pools.echo: changed connect"]);
  assert.deepEqual(await states(), ["up", "ejected"]);
  assert.equal(await scene.umay.metric("umay_backend_ejections_total"), 1);
});

/** From a session of its own. */
async function ticketOf(port: number): Promise<Buffer> {
  using client = await connectSecure(port);
  const [ticket] = await soon(once(client.socket, "session"), "a ticket");
  return ticket as Buffer;
}

test("sessions of a pool that left go on for its removal time", async (t) => {
  await using backend = await startEchoBackend();
  const listener = (pool: string): string =>
    `${base}\nlisteners.a = { bind = "127.0.0.1:0", pool = "${pool}", timeouts = { handshake = "${patient(100)}ms" } }`;
  const quick = `removal = "drain ${patient(300)}ms"\nconnect = { timeout = "${patient(100)}ms" }\nqueue = { timeout = "${patient(100)}ms" }`;
  await using scene = await start(t, listener("old") + poolToml("old", [backend.address], quick));
  const client = await connectPlain(scene.umay.port("a"));
  await echoed(client);
  await scene.change(listener("new") + poolToml("new", [backend.address]));
  await echoed(client, "still there");
  assert.equal(await client.ending(), "ECONNRESET");
  assert.equal((await scene.umay.session())["reason"], "backend_drained");
  assert.deepEqual(Object.keys((await scene.umay.status()).pools), ["new"]);
});

test("a unix socket that gets another listener is accepted on without a break", async (t) => {
  await using backend = await startEchoBackend();
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const path = join(dir.path, "a.sock");
  const toml = (name: string, more = ""): string =>
    `${base}\nlisteners.${name} = { bind = "unix:${path}", pool = "echo" }${more}${poolToml("echo", [backend.address])}`;
  await using scene = await start(t, toml("a"));
  const { ino } = statSync(path);
  // Another place for it.
  for (const text of [
    toml("b", `\nlisteners.a = { bind = "127.0.0.1:0", pool = "echo" }`),
    toml("c"),
    toml("a"),
  ]) {
    await scene.change(text);
    const client = connect(path);
    client.end("hello");
    assert.equal(await readAll(client), "hello");
  }
  assert.equal(statSync(path).ino, ino);
});

test("how much is logged changes with a reload", async (t) => {
  await using backend = await startEchoBackend();
  const toml = (log: string): string => `${base}
    log = { ${log} }
    listeners.a = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [backend.address])}`;
  await using scene = await start(t, toml(""));
  const { umay } = scene;
  const port = umay.port("a");
  await echoes(port);
  await umay.session();
  assert.deepEqual(await scene.change(toml(`level = "debug", sessions = false`)), [
    "log.level: changed",
    "log.sessions: changed",
  ]);
  await echoes(port);
  await scene.change(toml(""));
  // One line for each of the sessions but the one in between, which would have been before this one.
  await echoes(port);
  await becomes(
    () => umay.sessions.length,
    (lines) => lines === 2,
    "lines of sessions",
  );
  await scene.change(toml(`level = "error"`));
  await scene.change(toml(""));
  const said = umay.log.filter(({ msg }) => msg === "the configuration was reloaded");
  assert.equal(said.length, 3);
});

test("a umay that reads its configuration from standard input, or that drains, can't be reloaded, and says so", async () => {
  await using backend = await startEchoBackend();
  const toml = `${base}
    shutdown = { delay = "30s", timeout = "0s" }
    listeners.a = { bind = "127.0.0.1:0", pool = "echo" }`;
  await using umay = await startUmay(toml + poolToml("echo", [backend.address]));
  const reload = ["reload", "--admin", umay.admin.slice("http://".length)];
  const { code, stderr } = await runCommand(reload);
  assert.equal(code, 1);
  assert.match(stderr, /^umay: the configuration came from standard input/);
  umay.signal("SIGTERM");
  await umay.logged(({ msg }) => msg === "draining");
  const draining = await runCommand(reload);
  assert.equal(draining.code, 1);
  assert.match(draining.stderr, /^umay: umay is draining/);
  umay.signal("SIGTERM");
  assert.equal(await umay.exited, 0);
});
