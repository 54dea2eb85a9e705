import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempDisposableSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { startEcho } from "../../src/cli/echo-server.ts";
import { parseAddress, type SocketAddress } from "../../src/lib/address.ts";
import { type Backend, startBackend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { Peer, soon } from "../support/peer.ts";
import { sabotage, sabotaged } from "../support/sabotage.ts";
import { becomes, settled } from "../support/settled.ts";
import { farewell } from "../support/talk.ts";
import { type RunningUmay, runUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();
const certificate = `[{ cert = "${certificates.ecdsa.cert}", key = "${certificates.ecdsa.key}" }]`;

const folder = (): { path: string } & Disposable => mkdtempDisposableSync(join(tmpdir(), "umay-"));

/** A plain and a TLS listener for each bind, named by its index. */
function toml(backend: Backend, plain: readonly string[], tls: readonly string[] = []): string {
  return `
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    ${plain.map((bind, index) => `listeners.plain${index} = { bind = "${bind}", pool = "echo" }`).join("\n")}
    ${tls
      .map(
        (bind, index) =>
          `listeners.tls${index} = { bind = "${bind}", pool = "echo", tls.certificates = ${certificate} }`,
      )
      .join("\n")}
    ${poolToml("echo", [backend.address])}`;
}

/** Where a listener listens, by the log. */
function addresses(umay: RunningUmay, listener: string): SocketAddress[] {
  const { listeners } = umay.log.find(({ msg }) => msg === "umay is ready") as unknown as {
    listeners: Record<string, string[]>;
  };
  return listeners[listener]!.map((text) => parseAddress(text) as SocketAddress);
}

async function dial(address: SocketAddress): Promise<Socket> {
  const socket = connect({
    ...(address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port }),
    allowHalfOpen: true,
  });
  await soon(once(socket, "connect"), "a connection");
  return socket;
}

async function dialSecure(address: SocketAddress): Promise<Peer> {
  const raw = await dial(address);
  const tls = connectTls({ socket: raw, ca: readFileSync(certificates.ca), servername: "localhost" });
  await soon(once(tls, "secureConnect"), "a handshake");
  return new Peer(tls, raw);
}

/** The client's end before the backend's answer: half-close is passed on, each way. */
async function serves(umay: RunningUmay, listener: string): Promise<void> {
  for (const address of addresses(umay, listener)) {
    const dialled = listener.startsWith("tls")
      ? dialSecure(address)
      : dial(address).then((it) => new Peer(it));
    await farewell(await dialled, `through ${listener}`);
  }
}

test("a listener binds IPv4, IPv6 and host names, and port 0 is a port of its own for each", async () => {
  const binds = ["127.0.0.1:0", "[::1]:0", "localhost:0"];
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend, binds, binds));
  const ports = new Set<number>();
  for (const kind of ["plain", "tls"])
    for (const [index, bind] of binds.entries()) {
      const name = `${kind}${index}`;
      await serves(umay, name);
      const bound = addresses(umay, name);
      const hosts = bound.map((address) => (address.kind === "tcp" ? address.host : ""));
      if (bind.startsWith("localhost")) assert.ok(hosts.every((host) => ["127.0.0.1", "::1"].includes(host)));
      else assert.equal(hosts.length, 1);
      for (const address of bound) if (address.kind === "tcp") ports.add(address.port);
      assert.ok(!ports.has(0));
    }
  assert.equal(ports.size, 2 * binds.length);
  const six = await umay.session((line) => line["listener"] === "plain1");
  assert.match(String(six["client"]), /^\[::1\]:\d+$/);
  assert.equal((await umay.status()).listeners["plain1"]!.bind.replace(/\d+$/, "0"), "[::1]:0");
});

test("[::] takes IPv4 connections, too, and names their clients as IPv4", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend, ["[::]:0"]));
  const [address] = addresses(umay, "plain0");
  assert.ok(address?.kind === "tcp");
  for (const host of ["127.0.0.1", "::1"]) {
    const client = new Peer(await dial({ kind: "tcp", host, port: address.port }));
    await farewell(client);
    const named = host === "::1" ? `[::1]:${client.port}` : `127.0.0.1:${client.port}`;
    await umay.session((line) => line["client"] === named);
  }
});

test("listeners on one address, on every other one, and on IPv6 alone share a port, and each gets its own", async () => {
  const [port] = await freePorts(1);
  const binds = [`0.0.0.0:${port}`, `127.0.0.2:${port}`, `[::]:${port}`];
  await using backend = await startEchoBackend();
  await using umay = await startUmay(
    toml(backend, binds).replace(`bind = "[::]:${port}"`, `bind = "[::]:${port}", v6_only = true`),
  );
  for (let round = 0; round < 4; round++)
    for (const [index, host] of ["127.0.0.1", "127.0.0.2", "::1"].entries()) {
      const client = new Peer(await dial({ kind: "tcp", host, port: port! }));
      await farewell(client);
      const line = await umay.session((one) => String(one["client"]).endsWith(`:${client.port}`));
      assert.equal(line["listener"], `plain${index}`, host);
    }
});

test("a unix socket is served, plain and with TLS, with half-close and exact counters", async () => {
  using dir = folder();
  const [plain, tls] = [join(dir.path, "plain.sock"), join(dir.path, "tls.sock")];
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend, [`unix:${plain}`], [`unix:${tls}`]));
  for (let count = 0; count < 10; count++) {
    await serves(umay, "plain0");
    await serves(umay, "tls0");
  }
  const line = await umay.session((line) => line["listener"] === "tls0");
  assert.deepEqual(
    [line["client"], line["reason"], line["tls"], line["received"], line["sent"]],
    [undefined, "client_closed", "TLSv1.3", "through tls0".length, "through tls0".length],
  );
  await settled(umay);
  for (const listener of ["plain0", "tls0"])
    assert.equal(await umay.metric("umay_listener_connections_total", { listener }), 10);
  assert.equal(await umay.metric("umay_backend_connections_total"), 20);
  assert.equal((await umay.status()).listeners["plain0"]!.bind, `unix:${plain}`);

  const held = new Peer(await dial({ kind: "unix", path: plain }));
  await held.write("held");
  await held.read(4);
  umay.signal("SIGTERM");
  await becomes(
    () => existsSync(plain) || existsSync(tls),
    (there) => !there,
    "the sockets' files",
  );
  await farewell(held);
  assert.equal(await umay.exited, 0);
});

test("sessions over unix sockets are held to the backend's end, and its reset closes them", async () => {
  using dir = folder();
  const path = join(dir.path, "a.sock");
  await using backend = await startBackend();
  await using umay = await startUmay(toml(backend, [`unix:${path}`]));
  const client = new Peer(await dial({ kind: "unix", path }));
  const behind = await backend.next();
  client.end("request");
  assert.equal((await behind.readToEnd()).toString(), "request");
  behind.end("answer after the client's end");
  assert.equal((await client.readToEnd()).toString(), "answer after the client's end");

  const cut = new Peer(await dial({ kind: "unix", path }));
  const cutting = await backend.next();
  // A reset before umay has noticed the connection would be a failed attempt.
  await cutting.write("x");
  await cut.read(1);
  cutting.reset();
  await cut.ending();
  await umay.session((line) => line["reason"] === "backend_reset");
});

test("a unix socket's listener comes back when its worker died, and the other listeners' go on", async () => {
  using dir = folder();
  using threads = folder();
  const binds = [0, 1].map((index) => `unix:${join(dir.path, `${index}.sock`)}`);
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml(backend, binds), sabotaged(threads.path));
  await sabotage(threads.path, "worker-1", "throw");
  await umay.logged((line) => line["worker"] === 1);
  const reached = async (listener: string): Promise<boolean> => {
    try {
      await serves(umay, listener);
      return true;
    } catch {
      return false;
    }
  };
  await becomes(
    async () => [await reached("plain0"), await reached("plain1")],
    (both) => both.every(Boolean),
    "both unix sockets",
  );
});

test("a socket file that a killed umay left behind is replaced", async () => {
  using dir = folder();
  const path = join(dir.path, "a.sock");
  await using backend = await startEchoBackend();
  {
    await using umay = await startUmay(toml(backend, [`unix:${path}`]));
    umay.signal("SIGKILL");
    await umay.exited;
  }
  assert.ok(statSync(path).isSocket());
  await using umay = await startUmay(toml(backend, [`unix:${path}`]));
  await serves(umay, "plain0");
});

test("a socket that another process serves, and a file that is no socket, are left alone", async () => {
  using dir = folder();
  const [served, file] = [join(dir.path, "served.sock"), join(dir.path, "file")];
  writeFileSync(file, "precious");
  await using backend = await startEchoBackend();
  const other = await startEcho({ bind: `unix:${served}` });
  try {
    const { code, stderr } = await runUmay(toml(backend, [`unix:${served}`, `unix:${file}`]));
    assert.equal(code, 1);
    assert.deepEqual(
      stderr.match(/^umay: listener plain\d cannot listen on unix:\S+: .*\(EADDRINUSE\)$/gm)?.length,
      2,
      stderr,
    );
    assert.equal(readFileSync(file, "utf8"), "precious");
    const client = new Peer(await dial({ kind: "unix", path: served }));
    await farewell(client);
  } finally {
    await other.close();
  }
});
