import assert from "node:assert/strict";
import { once } from "node:events";
import { type DisposableTempDir, mkdtempDisposableSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectSecure, connectSocket, poolToml } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { Peer, soon } from "../support/peer.ts";
import { sabotage, sabotaged } from "../support/sabotage.ts";
import { becomes, settled } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();
const certificate = `[{ cert = "${certificates.ecdsa.cert}", key = "${certificates.ecdsa.key}" }]`;

const folder = (): DisposableTempDir => mkdtempDisposableSync(join(tmpdir(), "umay-"));

/** @param listeners by name, each with lines for its table. */
function toml(backend: Backend, listeners: Readonly<Record<string, readonly string[]>>, workers = 2): string {
  const tables = Object.entries(listeners).map(
    ([name, lines]) => `
    [listeners.${name}]
    pool = "echo"
    ${lines.some((line) => line.startsWith("bind")) ? "" : 'bind = "127.0.0.1:0"'}
    ${lines.join("\n")}`,
  );
  return `
    workers = ${workers}
    admin = { bind = "127.0.0.1:0" }
    ${tables.join("")}
    ${poolToml("echo", [backend.address])}`;
}

/** A listener's part of a umay. */
class Place {
  readonly umay: RunningUmay;
  readonly listener: string;

  constructor(umay: RunningUmay, listener: string) {
    this.umay = umay;
    this.listener = listener;
  }

  get port(): number {
    return this.umay.port(this.listener);
  }

  /** A client at 127.x.y.z. */
  async dial(localAddress: string, host = "127.0.0.1"): Promise<Peer> {
    const socket: Socket = connect({ port: this.port, host, localAddress, allowHalfOpen: true });
    const peer = new Peer(socket);
    await soon(once(socket, "connect"), "a connection");
    return peer;
  }

  /** @returns the client when it is served; undefined when its connection was reset. */
  async served(localAddress: string, host?: string): Promise<Peer | undefined> {
    const peer = await this.dial(localAddress, host).catch((error: NodeJS.ErrnoException) => {
      // The reset may come before the system has told of the connection.
      assert.equal(error.code, "ECONNRESET");
      return undefined;
    });
    try {
      if (peer !== undefined) await echoed(peer);
      return peer;
    } catch {
      assert.ok(["ECONNRESET", "EPIPE"].includes(await peer!.ending()));
      return undefined;
    }
  }

  rejected(reason: string): Promise<number> {
    return this.umay.metric("umay_listener_rejected_total", { listener: this.listener, reason });
  }

  async connections(): Promise<number> {
    return (await this.umay.status()).listeners[this.listener]!.connections;
  }
}

/** Of the tests that need no umay of their own, each has a listener. */
let backend: Backend;
let umay: RunningUmay;
const dir = folder();
const unixPath = join(dir.path, "web.sock");

before(async () => {
  backend = await startEchoBackend();
  umay = await startUmay(
    toml(backend, {
      lists: ['allow = ["127.1.0.0/16"]', 'deny = ["127.1.2.0/24"]'],
      mapped: ['bind = "[::]:0"', 'deny = ["127.0.0.7", "::/64"]'],
      unix: [
        `bind = "unix:${unixPath}"`,
        'allow = ["10.0.0.0/8"]',
        "max_connections_per_ip = 1",
        'connection_rate_per_ip = "1/h"',
      ],
      six: ["max_connections_per_ip = 6"],
      ten: ["max_connections_per_ip = 10"],
      burst: ['connection_rate_per_ip = "1/h"', "connection_burst_per_ip = 7"],
      rate: ['connection_rate_per_ip = "5/s"', "connection_burst_per_ip = 1"],
      proxied: [
        'proxy_protocol.trust = ["127.0.0.1"]',
        'deny = ["127.0.0.0/8", "192.0.2.66"]',
        "max_connections_per_ip = 2",
      ],
    }),
  );
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
  dir.remove();
});

test("clients that are on no list of those that may are reset at once, counted, and logged once a second at most", async () => {
  const place = new Place(umay, "lists");
  for (const address of ["127.0.0.1", "127.1.2.3", "127.2.0.1"])
    for (let count = 0; count < 10; count++) assert.equal(await place.served(address), undefined, address);
  for (const address of ["127.1.0.1", "127.1.3.1"]) {
    const client = await place.served(address);
    assert.ok(client, address);
    client.end();
  }
  assert.equal(await place.rejected("denied"), 30);
  assert.equal(await umay.metric("umay_listener_connections_total", { listener: "lists" }), 2);
  await settled(umay);
  const refusals = () =>
    umay.log.filter((line) => line["listener"] === "lists" && line["reason"] === "denied");
  await becomes(
    () => refusals().reduce((sum, line) => sum + Number(line["refused"]), 0),
    (sum) => sum === 30,
    "refusals in the log",
  );
  assert.ok(refusals().length <= 5);
  assert.equal(backend.peers.length, 2);
});

test("IPv4 clients of an IPv6 listener count as IPv4", async () => {
  const place = new Place(umay, "mapped");
  assert.equal(await place.served("127.0.0.7"), undefined);
  assert.equal(await place.served("::1", "::1"), undefined);
  const client = await place.served("127.0.0.8");
  assert.ok(client);
  client.end();
  assert.equal(await place.rejected("denied"), 2);
});

test("a client of a unix socket is served whatever the lists and limits are", async () => {
  const clients: Peer[] = [];
  for (let count = 0; count < 3; count++) {
    const socket = connect(unixPath);
    await soon(once(socket, "connect"), "a connection");
    const client = new Peer(socket);
    await echoed(client);
    clients.push(client);
  }
  for (const client of clients) client.end();
  await settled(umay);
});

test("an address has as many connections as it may have, over both workers, and others are not concerned", async () => {
  const place = new Place(umay, "six");
  for (const address of ["127.0.0.2", "127.0.0.3"]) {
    const all = await Promise.all(Array.from({ length: 30 }, () => place.served(address)));
    const clients = all.filter((client) => client !== undefined);
    assert.equal(clients.length, 6, address);
    clients.pop()!.socket.destroy();
    const next = await becomes(
      () => place.served(address),
      (client) => client !== undefined,
      "a free place",
    );
    assert.equal(await place.served(address), undefined);
    for (const client of [...clients, next!]) client.socket.destroy();
  }
  await settled(umay);
  assert.equal(await umay.metric("umay_connections"), 0);
});

test("the count per address is exact after hundreds of connections", async () => {
  const place = new Place(umay, "ten");
  const addresses = ["127.0.1.1", "127.0.1.2", "127.0.1.3"];
  const visit = async (address: string): Promise<void> => {
    for (let number = 0; number < 100; number++) {
      const client = await place.served(address);
      assert.ok(client, "one at a time is too many");
      if (number % 3 === 0) client.reset();
      else if (number % 3 === 1) client.socket.destroy();
      else client.end();
      backend.peers.length = 0;
      await client.ending();
      // It counts until its end has been seen. Whether that is so takes longer to ask than a connection does.
      if (number % 4 !== 3) continue;
      await becomes(
        () => place.connections(),
        (open) => open <= 5,
        "ended connections",
      );
    }
  };
  await Promise.all(addresses.map(visit));
  await settled(umay);
  for (const address of addresses) {
    const clients = await Promise.all(Array.from({ length: 20 }, () => place.served(address)));
    assert.equal(clients.filter((client) => client !== undefined).length, 10);
    for (const client of clients) client?.socket.destroy();
  }
  await settled(umay);
});

for (const deed of ["throw", "exit"] as const)
  test(`what a worker that dies (${deed}) had open per address is given back, and no more`, async () => {
    await using backend = await startEchoBackend();
    using dir = folder();
    await using umay = await startUmay(
      toml(backend, { web: ["max_connections_per_ip = 12"] }),
      sabotaged(dir.path),
    );
    const place = new Place(umay, "web");
    const fill = async (): Promise<Peer[]> => {
      const clients = await Promise.all(Array.from({ length: 12 }, () => place.served("127.0.0.5")));
      assert.ok(clients.every((client) => client !== undefined));
      return clients as Peer[];
    };
    let clients = await fill();
    for (;;) {
      const { workers } = await umay.status();
      if (workers.every(({ connections }) => connections >= 2)) break;
      for (const client of clients) client.socket.destroy();
      await settled(umay);
      clients = await fill();
    }
    const [first] = (await umay.status()).workers;
    await sabotage(dir.path, "worker-1", deed);
    await umay.logged((line) => line["worker"] === 1 && line.level === "error");
    const again = await Promise.all(Array.from({ length: 12 }, () => place.served("127.0.0.5")));
    const more = again.filter((client) => client !== undefined);
    assert.equal(more.length, first!.connections);
    for (const client of [...clients, ...more]) client.socket.destroy();
    await settled(umay);
    for (const client of await fill()) client.socket.destroy();
    await settled(umay);
  });

test("a burst is cut exactly, over both workers, and for each address alone", async () => {
  const place = new Place(umay, "burst");
  for (const address of ["127.0.0.2", "127.0.0.3"]) {
    const all = await Promise.all(Array.from({ length: 25 }, () => place.served(address)));
    const clients = all.filter((client) => client !== undefined);
    assert.equal(clients.length, 7, address);
    for (const client of clients) client.end();
  }
  await settled(umay);
  assert.equal(await place.served("127.0.0.2"), undefined);
  assert.equal(await place.rejected("connection_rate_per_ip"), 2 * 18 + 1);
  assert.equal(await place.rejected("max_connections_per_ip"), 0);
});

test("tokens come back at the rate", async () => {
  const place = new Place(umay, "rate");
  const from = performance.now();
  let through = 0;
  while (through < 6) {
    const client = await place.served("127.0.0.2");
    if (client === undefined) {
      await sleep(5);
      continue;
    }
    through++;
    client.end();
  }
  assert.ok(performance.now() - from >= 1000 - 5);
});

test("more handshakes than may go on at a time are refused, and a handshake that ends makes room", async () => {
  await using backend = await startEchoBackend();
  const lines = ["max_handshakes = 3", `tls.certificates = ${certificate}`];
  await using umay = await startUmay(toml(backend, { web: lines }, 1));
  const place = new Place(umay, "web");
  const port = place.port;
  // Established ones do not count.
  const established: Peer[] = [];
  for (let count = 0; count < 5; count++) {
    const client = await connectSecure(port);
    await echoed(client);
    established.push(client);
  }
  const silent = await Promise.all(Array.from({ length: 3 }, () => connectSocket(port)));
  await becomes(
    () => place.connections(),
    (open) => open === 8,
    "connections without a handshake",
  );
  await assert.rejects(connectSecure(port));
  assert.equal(await place.rejected("handshakes"), 1);
  silent.pop()!.destroy();
  await becomes(
    () => place.connections(),
    (open) => open === 7,
    "the end of a connection",
  );
  const client = await connectSecure(port);
  await echoed(client);
  for (const socket of silent) socket.destroy();
  for (const each of [client, ...established]) each.socket.destroy();
  await settled(umay);
});

test("behind a proxy the address that it names is the one that is limited, and the proxy's own is not", async () => {
  const place = new Place(umay, "proxied");
  const introduced = async (line: string): Promise<Peer> => {
    const client = await place.dial("127.0.0.1");
    await client.write(line);
    return client;
  };
  const from = (address: string): Promise<Peer> =>
    introduced(`PROXY TCP4 ${address} 127.0.0.1 4000 5000\r\n`);
  const refused = async (client: Peer): Promise<void> => assert.equal(await client.ending(), "ECONNRESET");

  await refused(await from("192.0.2.66"));
  const clients = [await from("192.0.2.1"), await from("192.0.2.1"), await from("192.0.2.2")];
  for (const client of clients) await echoed(client);
  await refused(await from("192.0.2.1"));
  for (let count = 0; count < 3; count++) {
    const check = await introduced("PROXY UNKNOWN\r\n");
    await echoed(check);
    clients.push(check);
  }
  assert.equal(await place.rejected("denied"), 1);
  assert.equal(await place.rejected("max_connections_per_ip"), 1);
  for (const client of clients) client.end();
  await settled(umay);
  const again = [await from("192.0.2.1"), await from("192.0.2.1")];
  for (const client of again) await echoed(client);
  for (const client of again) client.end();
  await settled(umay);
});

test("handshakes that fail, time out or lead elsewhere are not counted as going on any more", async () => {
  await using backend = await startEchoBackend();
  const lines = [
    "max_handshakes = 1",
    "detect = true",
    `timeouts.handshake = "${patient(100)}ms"`,
    `tls.certificates = ${certificate}`,
  ];
  await using umay = await startUmay(toml(backend, { web: lines }, 1));
  const place = new Place(umay, "web");
  for (let round = 0; round < 3; round++) {
    const plain = await place.served("127.0.0.1");
    assert.ok(plain);
    const secure = await connectSecure(place.port);
    await echoed(secure);
    // A hello that never ends, and one that is none.
    for (const beginning of [
      [22, 3, 1, 2, 0, 1],
      [22, 3, 1, 0, 4, 9, 9, 9, 9],
    ]) {
      const broken = await place.dial("127.0.0.1");
      await broken.write(Buffer.from(beginning));
      await broken.ending();
    }
    for (const client of [plain, secure]) client.end();
    await settled(umay);
  }
  assert.equal(await place.rejected("handshakes"), 0);
});
