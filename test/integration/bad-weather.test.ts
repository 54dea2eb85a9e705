import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { becomes } from "../support/settled.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";
import { WeatherBackend } from "../support/weather-backend.ts";

/*
 * Backends that are processes of their own have accidents while 200 sessions begin every second, fewer on a slow machine.
 */

const names = ["one", "two", "three"];

const toml = (backends: readonly string[], settings: string): string => `
  workers = 2
  log = { level = "debug" }
  admin = { bind = "127.0.0.1:0" }
  listeners.plain = { bind = "127.0.0.1:0", pool = "app" }
  ${poolToml("app", backends, `picker = "round-robin"\n${settings}`)}`;

interface Answer {
  /** In milliseconds of this process. */
  readonly began: number;
  /** Empty: reset, or closed without one. */
  readonly text: string;
}

async function ask(port: number): Promise<Answer> {
  const began = performance.now();
  const closed = Promise.withResolvers<void>();
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let text = "";
  socket
    .setEncoding("utf8")
    .on("data", (chunk: string) => (text += chunk))
    .on("error", () => {})
    .once("close", () => closed.resolve());
  socket.write("x");
  await closed.promise;
  return { began, text };
}

/** Sessions that begin every five milliseconds of a quiet machine, until they are asked for. */
class Load implements Disposable {
  readonly #answers: Promise<Answer>[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(umay: RunningUmay) {
    const port = umay.port("plain");
    this.#timer = setInterval(() => this.#answers.push(ask(port)), patient(5));
  }

  /** Waits for so many sessions more to begin. */
  async more(count: number): Promise<void> {
    const enough = this.#answers.length + count;
    await becomes(
      () => this.#answers.length,
      (begun) => begun >= enough,
      "sessions that began",
      30_000,
    );
  }

  async stop(): Promise<readonly Answer[]> {
    clearInterval(this.#timer);
    return await Promise.all(this.#answers);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Every session that began after this moment was answered. */
function assertNoneLost(umay: RunningUmay, answers: readonly Answer[], since = 0): void {
  const lost = answers.filter(({ began, text }) => began > since && !/^(one|two|three): x$/.test(text));
  const broken = umay.sessions.filter(
    ({ reason }) => !["client_closed", "backend_closed"].includes(String(reason)),
  );
  assert.equal(lost.length, 0, `${lost.length} lost; all that broke: ${JSON.stringify(broken)}`);
}

const states = async (umay: RunningUmay): Promise<readonly string[]> =>
  (await umay.status()).pools["app"]!.backends.map(({ state }) => state);

const said = (umay: RunningUmay, msg: string, { address }: WeatherBackend): Promise<LogLine> =>
  umay.logged((line) => line.msg === msg && line["backend"] === address);

const failuresOf = (umay: RunningUmay, { address }: WeatherBackend): Promise<number> =>
  umay.metric("umay_backend_connect_failures_total", { backend: address });

const allUp = (umay: RunningUmay): Promise<readonly string[]> =>
  becomes(
    () => states(umay),
    (found) => found.every((state) => state === "up"),
    "states",
  );

test("a backend that is killed costs no new session, is down in time, and is back in time", async () => {
  await using resources = new AsyncDisposableStack();
  const backends = await Promise.all(names.map((name) => WeatherBackend.start(name)));
  for (const backend of backends) resources.use(backend);
  const [interval, fall, rise] = [patient(300), 3, 2];
  const health = `health = { type = "tcp", interval = "${interval}ms", timeout = "${patient(200)}ms", rise = ${rise}, fall = ${fall} }`;
  await using umay = await startUmay(
    toml(
      backends.map(({ address }) => address),
      health,
    ),
  );
  using load = new Load(umay);
  await load.more(50);
  const [, second] = backends as [WeatherBackend, WeatherBackend];
  await second.kill();
  // Clients that were connected before then may have been cut.
  const killed = performance.now();
  await said(umay, "backend is down", second);
  const fell = performance.now() - killed;
  assert.ok(fell < interval * 1.1 * fall + patient(1_000), `${fell} ms`);
  assert.deepEqual(await states(umay), ["up", "down", "up"]);
  assert.equal(await umay.metric("umay_backend_up", { backend: second.address }), 0);
  const failed = await failuresOf(umay, second);
  await load.more(50);
  assert.ok((await failuresOf(umay, second)) - failed <= 2, "it is still being tried");

  await second.startAgain();
  const started = performance.now();
  await said(umay, "backend is up", second);
  const rose = performance.now() - started;
  assert.ok(rose < interval * 1.1 * rise + patient(1_000), `${rose} ms`);
  await allUp(umay);
  const again = performance.now();
  await load.more(50);
  const answers = await load.stop();
  assertNoneLost(umay, answers, killed);
  assert.ok(answers.some(({ began, text }) => began > again && text.startsWith("two")));
  assert.equal(await umay.metric("umay_backend_health_changes_total", { backend: second.address }), 2);
  assert.ok((await umay.metric("umay_backend_check_failures_total", { backend: second.address })) >= fall);
  assert.equal(await umay.metric("umay_backend_check_failures_total", { backend: backends[0]!.address }), 0);
});

test("a stopped backend behind TLS delays sessions by connect.timeout at most, until it is found out", async () => {
  await using resources = new AsyncDisposableStack();
  const { ecdsa } = await testCertificates();
  const backends = await Promise.all(names.map((name) => WeatherBackend.start(name, ecdsa)));
  for (const backend of backends) resources.use(backend);
  const [, second] = backends as [WeatherBackend, WeatherBackend];
  const timeout = patient(300);
  await using umay = await startUmay(
    toml(
      backends.map(({ address }) => address),
      `connect = { timeout = "${timeout}ms" }
       tls = { verify = false }
       health = { type = "tls", interval = "${patient(300)}ms", timeout = "${patient(200)}ms", fall = 2, rise = 2, tls = { verify = false } }`,
    ),
  );
  using load = new Load(umay);
  await load.more(50);
  const stopped = performance.now();
  second.signal("SIGSTOP");
  await said(umay, "backend is down", second);
  const down = performance.now();
  await load.more(50);
  second.signal("SIGCONT");
  await said(umay, "backend is up", second);
  await allUp(umay);
  const back = performance.now();
  await load.more(50);
  const answers = await load.stop();
  assertNoneLost(umay, answers, stopped);
  assert.ok(answers.some(({ began, text }) => began > back && text.startsWith("two")));
  const delayed = umay.sessions.filter((line) =>
    (line["attempts"] as { error?: string }[]).some(({ error }) => error === "tls_timeout"),
  );
  assert.ok(delayed.length > 0, "it was never tried");
  assert.ok(delayed.length <= answers.filter(({ began }) => began > stopped - 50 && began < down).length);
  // None waits for it twice, nor for longer than it may.
  for (const line of delayed) {
    const [first, ...others] = line["attempts"] as { error?: string; ms: number }[];
    assert.equal(first!.error, "tls_timeout");
    assert.deepEqual(
      others.map(({ error }) => error),
      [undefined],
    );
    assert.ok(first!.ms < 2 * timeout + patient(1_000), `${first!.ms} ms`);
  }
});

test("a stopped backend whose backlog is full is passed over; what it had accepted it answers when it goes on", async () => {
  await using resources = new AsyncDisposableStack();
  const backends = await Promise.all(
    names.map((name) => WeatherBackend.start(name, undefined, name === "two" ? 1 : 511)),
  );
  for (const backend of backends) resources.use(backend);
  const [, second] = backends as [WeatherBackend, WeatherBackend];
  await using umay = await startUmay(
    toml(
      backends.map(({ address }) => address),
      `connect = { timeout = "${patient(300)}ms" }
       health = { type = "http", interval = "${patient(300)}ms", timeout = "${patient(200)}ms", fall = 2, rise = 2 }`,
    ),
  );
  using load = new Load(umay);
  await load.more(50);
  second.signal("SIGSTOP");
  const down = await said(umay, "backend is down", second);
  assert.equal(down["cause"], `no answer within ${patient(200)} ms`);
  await load.more(50);
  second.signal("SIGCONT");
  await said(umay, "backend is up", second);
  await allUp(umay);
  await load.more(20);
  assertNoneLost(umay, await load.stop());
});

test("a health endpoint that lies costs no session while the backend refuses them", async () => {
  await using resources = new AsyncDisposableStack();
  const backends = await Promise.all(names.map((name) => WeatherBackend.start(name)));
  for (const backend of backends) resources.use(backend);
  const liar = createHttpServer((_, response) => response.end("fine")).listen(0, "127.0.0.1");
  await once(liar, "listening");
  resources.defer(() => void liar.close());
  const { port } = liar.address() as AddressInfo;
  await using umay = await startUmay(
    toml(
      backends.map(({ address }) => address),
      `health = { type = "http", address = "127.0.0.1", port = ${port}, interval = "${patient(300)}ms" }`,
    ),
  );
  using load = new Load(umay);
  await load.more(20);
  const [, second] = backends as [WeatherBackend, WeatherBackend];
  await second.kill();
  // Clients that were connected before then may have been cut.
  const killed = performance.now();
  await umay.logged(
    (line) => line.msg.startsWith("backend is ejected") && line["backend"] === second.address,
  );
  await load.more(100);
  assertNoneLost(umay, await load.stop(), killed);
  assert.equal(await umay.metric("umay_backend_health_changes_total", { backend: second.address }), 0);
});

test("a backend whose certificate has expired costs no session, and is down for that", async () => {
  await using resources = new AsyncDisposableStack();
  const { ca, ecdsa, expired } = await testCertificates();
  const good = resources.use(await WeatherBackend.start("one", ecdsa));
  const old = resources.use(await WeatherBackend.start("two", expired));
  const tls = `tls = { ca = "${ca}", server_name = "localhost" }`;
  // The first check is the only one for a while.
  const settings = `${tls}\nhealth = { type = "tls", interval = "1h" }`;
  await using umay = await startUmay(toml([good.address, old.address], settings));
  const down = await said(umay, "backend is down", old);
  assert.equal(down["cause"], "certificate has expired");
  await using unchecked = await startUmay(toml([good.address, old.address], tls));
  for (const each of [umay, unchecked]) {
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(each.port("plain"))));
    assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(["one: x"]));
  }
  assert.equal(await failuresOf(umay, old), 0);
  assert.ok((await failuresOf(unchecked, old)) > 0);
});

/** Runs a command in a network of its own, with a destination whose packets vanish and one that there is no way to. */
const network = [
  ...["unshare", "--net", "sh", "-c"],
  `ip link set lo up && ip route add 10.99.0.0/24 dev lo && ip route add unreachable 10.98.0.0/24 && exec "$@"`,
  "sh",
];

function hasNetworks(): boolean {
  try {
    execFileSync(network[0]!, [...network.slice(1), "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("backends that cannot be reached, and backends whose packets vanish, are passed over", {
  skip: !hasNetworks() && "only root can make networks, with unshare and ip",
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), "umay-weather-"));
  // Unix sockets are the same in every network.
  const echo = await startEcho({ bind: `unix:${join(dir, "echo")}`, name: "one" });
  try {
    const backends = ["10.98.0.1:80", "10.99.0.1:80", `unix:${join(dir, "echo")}`];
    const pool = poolToml(
      "app",
      backends,
      `picker = "round-robin"\nconnect = { timeout = "${patient(200)}ms" }`,
    );
    await using umay = await startUmay(
      `listeners.plain = { bind = "unix:${join(dir, "plain")}", pool = "app" }\nworkers = 1\n${pool}`,
      { prefix: network },
    );
    for (let count = 0; count < 3; count++) {
      const socket = connect(join(dir, "plain"));
      socket.end("x\n");
      const [answer] = (await once(socket, "data")) as [Buffer];
      assert.equal(String(answer), "one: x\n");
      await once(socket, "close");
    }
    const lines = await becomes(
      () => umay.sessions,
      (all) => all.length === 3,
      "sessions",
    );
    const errors = new Map<string, string | undefined>();
    for (const line of lines)
      for (const { backend, error } of line["attempts"] as { backend: string; error?: string }[])
        errors.set(backend, error);
    assert.deepEqual(
      backends.map((backend) => errors.get(backend)),
      ["EHOSTUNREACH", "timeout", undefined],
    );
  } finally {
    await echo.close();
    rmSync(dir, { recursive: true });
  }
});
