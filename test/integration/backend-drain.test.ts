import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import {
  connectPlain,
  connectTo,
  listenersToml,
  poolToml,
  transports,
  turnedAway,
} from "../support/client.ts";
import { type Finished, runCommand } from "../support/command.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { startEchoHosts } from "../support/echo-hosts.ts";
import { startFullBackend } from "../support/full-backend.ts";
import type { Peer } from "../support/peer.ts";
import { sabotage, sabotaged } from "../support/sabotage.ts";
import { becomes, sessionOf } from "../support/settled.ts";
import { echoed, farewell } from "../support/talk.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

function toml(backends: readonly { readonly address: string }[], settings = ""): string {
  const addresses = backends.map(({ address }) => address);
  return `
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    ${listenersToml("echo", certificates)}
    ${poolToml("echo", addresses, `picker = "round-robin"\n${settings}`)}`;
}

function ask(umay: RunningUmay, ...args: string[]): Promise<Finished> {
  return runCommand([...args, "--admin", umay.admin.slice("http://".length)]);
}

/** Asks to drain or undrain a backend, which must work. @returns what is said. */
async function change(
  umay: RunningUmay,
  action: string,
  address: string,
  ...more: string[]
): Promise<string> {
  const answer = await ask(umay, action, "--pool", "echo", "--backend", address, ...more);
  assert.deepEqual([answer.code, answer.stderr], [0, ""]);
  return answer.stdout;
}

async function stateOf(umay: RunningUmay, address: string): Promise<string | undefined> {
  return (await umay.status()).pools["echo"]!.backends.find((backend) => backend.address === address)?.state;
}

/** Connects until every backend has one of these sessions. */
async function holdOnEach(umay: RunningUmay, backends: readonly Backend[]): Promise<Map<Backend, Peer[]>> {
  const held = new Map<Backend, Peer[]>(backends.map((backend) => [backend, []]));
  for (const transport of transports)
    for (let count = 0; count < 4 * backends.length; count++) {
      const before = backends.map(({ peers }) => peers.length);
      const client = await connectTo(umay, transport);
      await echoed(client);
      const its = backends.find(({ peers }, index) => peers.length > before[index]!)!;
      held.get(its)!.push(client);
    }
  for (const clients of held.values()) assert.ok(clients.length > 0);
  return held;
}

/** Ten whole sessions, which the backend must have none of. */
async function avoided(umay: RunningUmay, backend: Backend): Promise<void> {
  const before = backend.peers.length;
  for (let count = 0; count < 10; count++) await farewell(await connectPlain(umay.port("plain")));
  assert.equal(backend.peers.length, before);
}

test("sessions on a drained backend finish while new ones avoid it, and undrain brings it back", async () => {
  await using first = await startEchoBackend();
  await using second = await startEchoBackend();
  await using umay = await startUmay(toml([first, second]));
  const held = (await holdOnEach(umay, [first, second])).get(first)!;
  const said = await change(umay, "drain", first.address);
  assert.equal(
    said,
    `echo ${first.address} is draining: ${held.length} connections open, without a deadline\n`,
  );
  await avoided(umay, first);
  assert.equal(await stateOf(umay, first.address), "draining");
  assert.equal(await umay.metric("umay_backend_draining", { backend: first.address }), 1);
  assert.equal(await umay.metric("umay_backend_draining", { backend: second.address }), 0);
  const line = await umay.logged(({ msg }) => msg === "backend is drained by hand");
  assert.deepEqual(
    [line["pool"], line["backend"], line["connections"]],
    ["echo", first.address, held.length],
  );

  for (const client of held) {
    await echoed(client, "still here");
    await farewell(client);
  }
  for (const client of held) assert.equal((await sessionOf(umay, client))["reason"], "client_closed");
  assert.equal(
    await change(umay, "drain", first.address),
    `echo ${first.address} is draining: no connection is open\n`,
  );

  assert.equal(await change(umay, "undrain", first.address), `echo ${first.address} is up\n`);
  const before = first.peers.length;
  for (let count = 0; count < 8; count++) await farewell(await connectPlain(umay.port("plain")));
  assert.ok(first.peers.length > before);
  assert.equal(await umay.metric("umay_backend_draining"), 0);
});

test("what is open at the deadline is reset on both sides with its reason, and nothing else is", async () => {
  await using first = await startEchoBackend();
  await using second = await startEchoBackend();
  await using umay = await startUmay(toml([first, second]));
  const held = await holdOnEach(umay, [first, second]);
  const peers = [...first.peers];
  const cut = held.get(first)!;
  await change(umay, "drain", first.address, "--deadline", "300ms");
  for (const client of cut) {
    assert.equal(await client.ending(), "ECONNRESET");
    const { reason, origin } = await sessionOf(umay, client);
    assert.deepEqual([reason, origin], ["backend_drained", "umay"]);
  }
  for (const peer of peers) assert.equal(await peer.ending(), "ECONNRESET");
  assert.equal(await umay.metric("umay_sessions_ended_total", { reason: "backend_drained" }), cut.length);
  const line = await umay.logged(({ msg }) => msg.startsWith("the time of a backend that drains is over"));
  assert.deepEqual([line.level, line["backend"], line["connections"]], ["warn", first.address, cut.length]);
  for (const client of held.get(second)!) await echoed(client);
  await avoided(umay, first);
});

test("umay drain --wait returns when the last session on the backend has ended", async () => {
  await using first = await startEchoBackend();
  await using second = await startEchoBackend();
  await using umay = await startUmay(toml([first, second]));
  const [client, ...others] = (await holdOnEach(umay, [first, second])).get(first)!;
  let waiting = true;
  const drained = change(umay, "drain", first.address, "--wait").finally(() => {
    waiting = false;
  });
  await umay.logged(({ msg }) => msg === "backend is drained by hand");
  for (const other of others) await farewell(other);
  await echoed(client!);
  assert.ok(waiting);
  await farewell(client!);
  assert.match(await drained, /is draining: \d+ connections open/);
  assert.equal(await umay.metric("umay_backend_connections", { backend: first.address }), 0);
});

test("a session that is only connecting to the backend goes on with another one", async () => {
  await using hanging = await startFullBackend();
  await using good = await startEchoBackend();
  await using umay = await startUmay(toml([hanging, good], `connect = { timeout = "1m" }`));
  const clients: Peer[] = [];
  const connecting = async (): Promise<number> => {
    clients.push(await connectPlain(umay.port("plain")));
    const { backends } = (await umay.status()).pools["echo"]!;
    return backends.find(({ address }) => address === hanging.address)!.connections;
  };
  const count = await becomes(connecting, (connections) => connections >= 2, "sessions that hang");
  await change(umay, "drain", hanging.address, "--deadline", "0s");
  for (const client of clients) await farewell(client);
  const failures = await umay.metric("umay_backend_connect_failures_total", { backend: hanging.address });
  assert.ok(failures >= count);
  assert.equal(await umay.metric("umay_backend_connect_failures_total", { reason: "drained" }), failures);
  assert.ok(umay.sessions.every(({ reason }) => reason === "client_closed"));
});

test("a worker that is replaced meanwhile keeps to it", async () => {
  await using first = await startEchoBackend();
  await using second = await startEchoBackend();
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  await using umay = await startUmay(toml([first, second]), sabotaged(dir.path));
  await change(umay, "drain", first.address, "--deadline", "1h");
  for (const worker of [1, 2]) {
    await sabotage(dir.path, `worker-${worker}`, "throw");
    await umay.logged((line) => line["worker"] === worker && line.level === "error");
  }
  const served = (): Promise<readonly number[]> =>
    connectPlain(umay.port("plain"))
      .then(echoed)
      .catch(() => {})
      .then(async () => (await umay.status()).workers.map(({ connections }) => connections));
  await becomes(served, (open) => open.every((connections) => connections > 0), "sessions of new workers");
  await avoided(umay, first);
  assert.equal(first.peers.length, 0);
  assert.equal(await stateOf(umay, first.address), "draining");
});

test("draining the last backend is warned of, and its pool's sessions are refused until it is back", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml([backend]));
  const args = ["drain", "--pool", "echo", "--backend", backend.address];
  const refused = await ask(umay, ...args);
  assert.deepEqual([refused.code, refused.stdout], [1, ""]);
  assert.equal(await stateOf(umay, backend.address), "up");
  const { code, stdout, stderr } = await ask(umay, ...args, "--force");
  const warning = "no backend of pool echo may be picked any more: its new sessions are refused";
  assert.deepEqual([code, stderr], [0, `umay: warning: ${warning}\n`]);
  assert.match(stdout, /is draining: no connection is open\n$/);
  await umay.logged(({ level, msg }) => level === "warn" && msg === warning);
  assert.equal(await turnedAway(connectPlain(umay.port("plain"))), "ECONNRESET");
  assert.equal((await umay.session())["reason"], "no_backend");
  await change(umay, "undrain", backend.address);
  await farewell(await connectPlain(umay.port("plain")));
});

const name = "echo.test";

/** A umay whose backends are 127.0.0.1 and 127.0.0.2 as long as the nameserver says so. */
function dnsToml(nameserver: string, port: number, removal: string): string {
  return `
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    [pools.echo]
    picker = "round-robin"
    removal = "${removal}"
    [pools.echo.discovery]
    type = "dns"
    name = "${name}"
    port = ${port}
    nameservers = ["${nameserver}"]
    refresh = { min = "100ms", max = "100ms" }`;
}

const setIs = (umay: RunningUmay, set: readonly string[]): Promise<LogLine> =>
  umay.logged(
    (line) => isSet(line) && line === umay.log.findLast(isSet) && String(line["backends"]) === set.join(),
  );

const isSet = ({ msg }: LogLine): boolean => msg === "backends of a pool changed";

test("discovery may remove a drained backend and find it again: it stays drained", async () => {
  await using hosts = await startEchoHosts(2);
  const { port } = hosts;
  await using dns = await startDnsServer();
  dns.answer(name, "A", ["127.0.0.1", "127.0.0.2"], 0);
  await using umay = await startUmay(dnsToml(dns.address, port, "keep"));
  const [first, second] = ["127.0.0.1", "127.0.0.2"].map((host) => `${host}:${port}`) as [string, string];
  await change(umay, "drain", first);
  dns.answer(name, "A", ["127.0.0.2"], 0);
  await setIs(umay, [second]);
  dns.answer(name, "A", ["127.0.0.1", "127.0.0.2"], 0);
  await setIs(umay, [first, second]);
  for (let count = 0; count < 10; count++) {
    const client = await connectPlain(umay.port("plain"));
    await client.write("x\n");
    assert.equal((await client.read(5)).toString(), "2: x\n");
    client.end();
    await client.readToEnd();
  }
  assert.equal(await stateOf(umay, first), "draining");
  await change(umay, "undrain", first);
  assert.equal(await stateOf(umay, first), "up");
});

test("sessions of a backend that discovery removed are reset after the pool's removal time", async () => {
  await using hosts = await startEchoHosts(1);
  const { port } = hosts;
  await using dns = await startDnsServer();
  dns.answer(name, "A", ["127.0.0.1"], 0);
  await using umay = await startUmay(dnsToml(dns.address, port, "drain 2s"));
  const client = await connectPlain(umay.port("plain"));
  await client.write("x\n");
  await client.read(5);
  dns.answer(name, "A", ["127.0.0.2"], 0);
  const removed = await setIs(umay, [`127.0.0.2:${port}`]);
  const [, gone] = (await umay.status()).pools["echo"]!.backends as unknown as { drain: object }[];
  assert.equal((gone!.drain as { by: string }).by, "discovery");
  assert.equal(await client.ending(), "ECONNRESET");
  const line = await sessionOf(umay, client);
  assert.equal(line["reason"], "backend_drained");
  assert.ok(Date.parse(line["time"] as string) - Date.parse(removed["time"] as string) > 1_900);
  await becomes(
    async () => (await umay.status()).pools["echo"]!.backends.length,
    (count) => count === 1,
    "a forgotten backend",
  );
});
