import assert from "node:assert/strict";
import { test } from "node:test";
import { connectPlain } from "../support/client.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { startEchoHosts } from "../support/echo-hosts.ts";
import type { Peer } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const name = "echo.test";

function start(dns: DnsServer, port: number, settings = ""): Promise<RunningUmay> {
  return startUmay(`
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
    pools.echo.picker = "round-robin"
    [pools.echo.discovery]
    type = "dns"
    name = "${name}"
    port = ${port}
    nameservers = ["${dns.address}"]
    refresh = { min = "100ms", max = "100ms" }
    ${settings}`);
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

  let loading = true;
  const served = new Map<number, number>();
  const load = async (): Promise<void> => {
    while (loading) {
      const backend = await session(umay);
      served.set(backend, (served.get(backend) ?? 0) + 1);
    }
  };
  const load3 = Promise.all([load(), load(), load()]);
  const sets = [[3, 4], [1], [2, 3], [4], [1, 2, 3, 4], [3]];
  for (const set of sets) {
    dns.answer(name, "A", set.map(host), 0);
    await becomes(
      async () => (await addresses(umay)).filter((line) => line.endsWith(" up")),
      (up) => up.join() === set.map((number) => `${host(number)}:${backends.port} up`).join(),
      `the set ${set}`,
    );
  }
  await becomes(
    () => served.get(3) ?? 0,
    (count) => count > 20,
    "sessions on the last set",
  );
  loading = false;
  await load3;
  assert.deepEqual([...served.keys()].sort(), [1, 2, 3, 4]);

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
