import assert from "node:assert/strict";
import { mkdtempDisposable, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectPlain } from "../support/client.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { startEchoHosts } from "../support/echo-hosts.ts";
import type { Peer } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const name = "echo.test";

const settings = `
  workers = 2
  admin = { bind = "127.0.0.1:0" }
  listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
  pools.echo.picker = "round-robin"
  [pools.echo.discovery]`;

function start(dns: DnsServer, port: number, more = ""): Promise<RunningUmay> {
  return startUmay(`${settings}
    type = "dns"
    name = "${name}"
    port = ${port}
    nameservers = ["${dns.address}"]
    refresh = { min = "100ms", max = "100ms" }
    ${more}`);
}

const host = (number: number): string => `127.0.0.${number}`;

/** Which backend answers on this connection. */
async function ask(client: Peer): Promise<number> {
  await client.write("who\n");
  const answer = (await client.read("1: who\n".length)).toString();
  assert.match(answer, /^\d: who\n$/);
  return Number(answer[0]);
}

/** One whole session. @returns which backend served it. @throws when it does not go as it should. */
async function session(umay: RunningUmay): Promise<number> {
  using client = await connectPlain(umay.port("echo"));
  const backend = await ask(client);
  client.end();
  await client.readToEnd();
  return backend;
}

/** Session after session, three at a time and every few milliseconds, until it is stopped. */
class Load {
  /** How many sessions each backend has served. */
  readonly served = new Map<number, number>();
  readonly #umay: RunningUmay;
  readonly #ended: Promise<unknown>;
  #stopped = false;

  constructor(umay: RunningUmay) {
    this.#umay = umay;
    this.#ended = Promise.all([this.#run(), this.#run(), this.#run()]);
    this.#ended.catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const backend = await session(this.#umay);
      this.served.set(backend, (this.served.get(backend) ?? 0) + 1);
      // Without a pause they would keep both cores busy, and find no more.
      await sleep(5);
    }
  }

  /** Resolves when this backend has served some more sessions. */
  async servedBy(backend: number): Promise<void> {
    const count = (): number => this.served.get(backend) ?? 0;
    const before = count();
    const more = becomes(count, (now) => now > before + 10, `sessions on backend ${backend}`);
    await Promise.race([more, this.#ended]);
  }

  /** @throws when any session did not go as it should. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }
}

async function addresses(umay: RunningUmay): Promise<string[]> {
  return (await umay.status()).pools["echo"]!.backends.map(({ address, state }) => `${address} ${state}`);
}

test("sets change under load without one failed session, and sessions on removed backends go on", async () => {
  await using backends = await startEchoHosts(4);
  await using dns = await startDnsServer();
  dns.answer(name, "A", [host(1), host(2)], 0);
  await using umay = await start(dns, backends.port);
  const held = await Promise.all(Array.from({ length: 8 }, () => connectPlain(umay.port("echo"))));
  const homes = await Promise.all(held.map(ask));
  assert.deepEqual([...new Set(homes)].sort(), [1, 2]);

  const load = new Load(umay);
  const sets = [[3, 4], [1], [2, 3], [4], [1, 2, 3, 4], [3]];
  for (const set of sets) {
    dns.answer(name, "A", set.map(host), 0);
    await becomes(
      async () => (await addresses(umay)).filter((line) => line.endsWith(" up")),
      (up) => up.join() === set.map((number) => `${host(number)}:${backends.port} up`).join(),
      `the set ${set}`,
    );
  }
  await load.servedBy(3);
  await load.stop();
  assert.deepEqual([...load.served.keys()].sort(), [1, 2, 3, 4]);

  assert.deepEqual(await Promise.all(held.map(ask)), homes);
  for (const client of held) client.end();
  for (const client of held) await client.readToEnd();
  assert.ok(umay.sessions.every((line) => line["reason"] === "client_closed"));
});

test("a removed backend drains in sight, gets no new session, and is forgotten with its last one", async () => {
  await using backends = await startEchoHosts(2);
  await using dns = await startDnsServer();
  dns.answer(name, "A", [host(1)], 0);
  await using umay = await start(dns, backends.port);
  const held = await connectPlain(umay.port("echo"));
  assert.equal(await ask(held), 1);
  const [first, second] = [1, 2].map((number) => `${host(number)}:${backends.port}`);

  dns.answer(name, "A", [host(2)], 0);
  await becomes(
    () => addresses(umay),
    (lines) => lines.join() === [`${second} up`, `${first} draining`].join(),
    "a draining backend",
  );
  for (let count = 0; count < 10; count++) assert.equal(await session(umay), 2);
  assert.equal(await umay.metric("umay_backend_connections", { backend: first! }), 1);
  assert.equal(await umay.metric("umay_pool_backends", { state: "draining" }), 1);

  held.end();
  await held.readToEnd();
  await becomes(
    () => addresses(umay),
    (lines) => lines.join() === `${second} up`,
    "a forgotten backend",
  );
  const exposition = await (await fetch(`${umay.admin}/metrics`)).text();
  assert.ok(!exposition.includes(first!));
  assert.ok(exposition.includes(second!));

  // When it comes back, it begins anew.
  dns.answer(name, "A", [host(1)], 0);
  await becomes(
    () => addresses(umay),
    (lines) => lines.join() === `${first} up`,
    "the first backend again",
  );
  assert.equal(await umay.metric("umay_backend_connections_total", { backend: first! }), 0);
  await becomes(
    () => session(umay),
    (backend) => backend === 1,
    "a session on it",
  );
  assert.equal(await umay.metric("umay_backend_connections_total", { backend: first! }), 1);
});

test("while the name server fails, the last backends serve, and it is said", async () => {
  await using backends = await startEchoHosts(2);
  await using dns = await startDnsServer();
  dns.answer(name, "A", [host(1)], 0);
  await using umay = await start(dns, backends.port, `hold = "0s"`);
  dns.reply(name, "A", { rcode: "SERVFAIL" });
  const line = await umay.logged(({ msg }) => msg.startsWith("discovery failed"));
  assert.deepEqual([line.level, line["pool"], line["serving"]], ["warn", "echo", "last-good"]);
  assert.match(line.msg, /SERVFAIL/);
  for (let count = 0; count < 10; count++) assert.equal(await session(umay), 1);
  assert.equal((await umay.readiness()).status, 200);
  assert.ok((await umay.metric("umay_discovery_errors_total", { pool: "echo" })) >= 1);
  const { discovery } = (await umay.status()).pools["echo"] as unknown as { discovery: { state: string } };
  assert.equal(discovery.state, "failing");

  dns.answer(name, "A", [host(2)], 0);
  await becomes(
    () => session(umay),
    (backend) => backend === 2,
    "the new backend",
  );
});

test("a name that vanishes keeps its backends for hold, then has none, and comes back", async () => {
  await using backends = await startEchoHosts(2);
  await using dns = await startDnsServer();
  dns.answer(name, "A", [host(1)], 0);
  await using umay = await start(dns, backends.port, `hold = "1s"`);
  assert.equal(await session(umay), 1);
  dns.reply(name, "A", { rcode: "NXDOMAIN" });
  await umay.logged(({ msg }) => msg.startsWith("discovery failed"));
  const vanished = performance.now();
  assert.equal(await session(umay), 1);
  await umay.logged(
    (line) => line["pool"] === "echo" && (line["backends"] as string[] | undefined)?.length === 0,
  );
  // The first answer that said so came before the log line did.
  assert.ok(performance.now() - vanished > 800);
  await becomes(
    () => session(umay).catch(() => 0),
    (backend) => backend === 0,
    "a refusal",
  );
  await umay.session((line) => line["reason"] === "no_backend");

  dns.answer(name, "A", [host(2)], 0);
  await becomes(
    () => session(umay).catch(() => 0),
    (backend) => backend === 2,
    "a backend again",
  );
});

test("no session fails in bad weather, and a good answer is taken in the middle of it", async () => {
  await using backends = await startEchoHosts(4);
  await using silent = await startDnsServer();
  await using dns = await startDnsServer();
  dns.answer(name, "A", [host(1)], 0);
  silent.reply(name, "A", { rcode: "SERVFAIL" });
  await using umay = await startUmay(`${settings}
    type = "dns"
    name = "${name}"
    port = ${backends.port}
    nameservers = ["${silent.address}", "${dns.address}"]
    refresh = { min = "100ms", max = "100ms" }`);
  const load = new Load(umay);
  const record = (number: number) => ({ name, type: "A" as const, ttl: 0, data: host(number) });
  const loop = [
    { name, type: "CNAME" as const, ttl: 0, data: "loop.test" },
    { name: "loop.test", type: "CNAME" as const, ttl: 0, data: name },
  ];
  const weather: readonly (readonly [reply: Parameters<DnsServer["reply"]>[2], cause: string])[] = [
    [{ rcode: "SERVFAIL" }, "SERVFAIL"],
    [{ rcode: "NXDOMAIN" }, "NXDOMAIN"],
    [{ answers: loop }, "a loop of aliases"],
    [{}, "no A record"],
    [{ rcode: "REFUSED" }, "REFUSED"],
    [{ answers: [record(9)], truncated: true, cut: true }, "an answer that was cut short"],
  ];
  for (const [index, [reply, cause]] of weather.entries()) {
    dns.reply(name, "A", reply);
    await umay.logged(({ msg }) => msg.startsWith("discovery failed") && msg.includes(cause));
    // One that is silent costs its time before the second one is asked.
    silent.reply(name, "A", index === 1 ? "silence" : { rcode: "SERVFAIL" });
    const next = (index % 3) + 2;
    dns.reply(name, "A", { answers: [record(next)], truncated: index % 2 === 0 });
    await load.servedBy(next);
  }
  await load.stop();
  assert.ok(umay.sessions.every((line) => line["reason"] === "client_closed"));
});

test("SRV: the lowest priority with a backend that can be had takes the sessions, by weight", async () => {
  await using backends = await startEchoHosts(4);
  await using dns = await startDnsServer();
  const service = "_echo._tcp.test";
  const records = [
    [1, 10, 30],
    [2, 10, 10],
    [3, 20, 0],
    [4, 30, 0],
  ] as const;
  const { port } = backends;
  dns.reply(service, "SRV", {
    answers: records.map(([number, priority, weight]) => {
      dns.answer(`b${number}.test`, "A", [host(number)], 60);
      const data = { target: `b${number}.test`, port, priority, weight };
      return { name: service, type: "SRV", ttl: 60, data };
    }),
  });
  // Those that are down are passed over also before enough sessions have failed on them.
  const patient = settings.replace("[pools.echo.discovery]", "pools.echo.connect.attempts = 4\n$&");
  await using umay = await startUmay(`${patient}
    type = "dns"
    name = "${service}"
    record = "srv"
    nameservers = ["${dns.address}"]`);
  const served = async (): Promise<string> => {
    const counts = new Map<number, number>();
    for (let count = 0; count < 40; count++) {
      const backend = await session(umay);
      counts.set(backend, (counts.get(backend) ?? 0) + 1);
    }
    return [...counts.keys()].sort().join(" ");
  };
  const counts = await Promise.all(
    [1, 2, 3, 4].map((number) =>
      umay.metric("umay_backend_connections_total", { backend: `${host(number)}:${port}` }),
    ),
  );
  assert.deepEqual(counts, [0, 0, 0, 0]);
  assert.equal(await served(), "1 2");
  const first = await umay.metric("umay_backend_connections_total", { backend: `${host(1)}:${port}` });
  assert.ok(first >= 28 && first <= 32, `${first} of 40 sessions on the backend with three quarters`);
  await Promise.all([backends.servers[0]!.close(), backends.servers[1]!.close()]);
  assert.equal(await served(), "3");
  await backends.servers[2]!.close();
  assert.equal(await served(), "4");
});

test("a file of backends is followed under load, and what is wrong with it changes nothing", async () => {
  await using backends = await startEchoHosts(3);
  await using folder = await mkdtempDisposable(join(tmpdir(), "umay-backends-"));
  const path = join(folder.path, "backends.toml");
  const write = async (text: string): Promise<void> => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  const list = (...numbers: number[]): string =>
    `backends = [${numbers.map((number) => `"${host(number)}:${backends.port}"`).join(", ")}]\n`;

  await using umay = await startUmay(`${settings}\n type = "file"\n path = "${path}"`);
  await umay.logged(({ level, msg }) => level === "warn" && msg.includes(`${path}: does not exist`));
  const { status, text } = await umay.readiness();
  assert.deepEqual(
    [status, text.includes(`pool echo has no backend yet: ${path}: does not exist`)],
    [503, true],
  );

  await write(list(1));
  await becomes(
    () => umay.readiness(),
    (readiness) => readiness.status === 200,
    "a pool that is ready",
  );
  const load = new Load(umay);
  await write(list(2, 3));
  await load.servedBy(3);
  await write(list(3).slice(0, -3));
  await umay.logged(({ msg }) => msg.startsWith(`discovery failed: ${path}:1:`));
  await rm(path);
  const gone = await umay.logged(({ msg }) => msg.includes("does not exist; check the path; the last good"));
  assert.deepEqual([gone["pool"], gone["serving"]], ["echo", "last-good"]);
  await load.servedBy(3);
  assert.ok((await umay.metric("umay_discovery_errors_total", { pool: "echo" })) >= 3);
  await write(list(1));
  await load.servedBy(1);
  await load.stop();
  assert.ok(umay.sessions.every((line) => line["reason"] === "client_closed"));
});
