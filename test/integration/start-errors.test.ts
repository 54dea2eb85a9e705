import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSocket, poolToml } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { Peer } from "../support/peer.ts";
import { endingOf } from "../support/talk.ts";
import { runUmay, spawnUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

/** One plain listener for each bind, in order. */
function toml(binds: Readonly<Record<string, string>>, settings = ""): string {
  const listeners = Object.entries(binds).map(
    ([name, bind]) => `listeners.${name} = { bind = "${bind}", pool = "echo" }`,
  );
  return `workers = 2\n${settings}\n${listeners.join("\n")}${poolToml("echo", ["127.0.0.1:9"])}`;
}

/** A port that the test has, and everything else does not. */
async function takenPort(): Promise<{ port: number } & Disposable> {
  const server: Server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => server.close() };
}

/** Refused with exactly these lines on standard error. */
async function refused(config: string, lines: readonly (string | RegExp)[]): Promise<void> {
  const { code, stderr } = await runUmay(config);
  assert.equal(code, 1, stderr);
  const said = stderr.trimEnd().split("\n");
  assert.equal(said.length, lines.length, stderr);
  for (const [index, line] of lines.entries())
    if (typeof line === "string") assert.equal(said[index], line);
    else assert.match(said[index]!, line);
}

const inUse = (port: number): string =>
  `the port is in use; 'ss -ltnp sport = :${port}' shows by whom (EADDRINUSE)`;

test("every listener that cannot have its address is named in one run, and nothing goes on running", async () => {
  using taken = await takenPort();
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  await refused(
    toml({
      local: `unix:${join(dir.path, "a.sock")}`,
      web: `127.0.0.1:${taken.port}`,
      good: "127.0.0.1:0",
      far: "192.0.2.1:8080",
      named: "no-such-host.invalid:80",
    }),
    [
      `umay: listener web cannot listen on 127.0.0.1:${taken.port}: ${inUse(taken.port)}`,
      "umay: listener far cannot listen on 192.0.2.1:8080: the address is not one of this machine; 'ip address' lists them (EADDRNOTAVAIL)",
      /^umay: listener named cannot listen on no-such-host\.invalid:80: the name cannot be resolved.* \((ENOTFOUND|EAI_AGAIN)\)$/,
    ],
  );
  assert.deepEqual(readdirSync(dir.path), []);
});

test("a port that another umay has is in use, although its sockets would share it", async () => {
  await using first = await startUmay(toml({ web: "127.0.0.1:0" }));
  const port = first.port("web");
  await refused(toml({ other: `127.0.0.1:${port}` }), [
    `umay: listener other cannot listen on 127.0.0.1:${port}: ${inUse(port)}`,
  ]);
  await refused(toml({ all: `0.0.0.0:${port}` }), [
    `umay: listener all cannot listen on 0.0.0.0:${port}: ${inUse(port)}`,
  ]);
  // Its only backend is not there.
  assert.equal(await endingOf(connectPlain(port)), "ECONNRESET");
});

test("a port whose last connections are still in TIME-WAIT can be had", async () => {
  const before = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await once(before, "listening");
  const { port } = before.address() as AddressInfo;
  const client = await connectPlain(port);
  await client.ending();
  client.end();
  before.close();
  await once(before, "close");
  await using umay = await startUmay(toml({ web: `127.0.0.1:${port}` }));
  assert.equal(umay.port("web"), port);
});

test("clients that connect before umay is ready do not hold up the start", async () => {
  const [port] = await freePorts(1);
  const held: Socket[] = [];
  // The address is probed while the others' names are looked up.
  const binds = { web: `127.0.0.1:${port}`, a: "localhost:0", b: "localhost:0" };
  await using umay = spawnUmay(toml(binds));
  let starting = true;
  void umay
    .logged(({ msg }) => msg === "umay is ready")
    .finally(() => {
      starting = false;
    })
    .catch(() => {});
  while (starting)
    await connectSocket(port!).then(
      (socket) => held.push(socket.on("error", () => {})),
      () => {},
    );
  for (const socket of held) socket.destroy();
  assert.equal(umay.port("web"), port);
});

test("a client that connects before umay is ready is refused or served, never accepted and reset", async () => {
  const [port] = await freePorts(1);
  await using backend = await startEchoBackend();
  const slow = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`l${index}`, "localhost:0"]));
  const config = toml({ web: `127.0.0.1:${port}`, ...slow }).replace("127.0.0.1:9", backend.address);
  await using umay = spawnUmay(config);
  const ready = umay.logged(({ msg }) => msg === "umay is ready").then(() => true);
  let refusals = 0;
  const early: Socket[] = [];
  while (!(await Promise.race([ready, new Promise<false>((resolve) => setImmediate(resolve, false))])))
    await connectSocket(port!).then(
      (socket) => early.push(socket),
      () => refusals++,
    );
  assert.ok(refusals > 10, `${refusals} refusals`);
  for (const socket of early) {
    using client = new Peer(socket);
    client.end("hello");
    assert.equal(String(await client.readToEnd()), "hello");
  }
});

test("an admin address that is taken is named", async () => {
  using taken = await takenPort();
  const bind = `127.0.0.1:${taken.port}`;
  await refused(toml({ web: "127.0.0.1:0" }, `admin = { bind = "${bind}" }`), [
    `umay: admin cannot listen on ${bind}: ${inUse(taken.port)}`,
  ]);
});

test("a unix socket in a folder that is not there is named", async () => {
  await refused(toml({ web: "unix:/no/such/folder/a.sock" }), [
    /^umay: listener web cannot listen on unix:\/no\/such\/folder\/a\.sock: .* its folder has to exist/,
  ]);
});

const unprivileged = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"];
const firstFreePort = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
const isRoot = process.getuid?.() === 0;

test("without the right to a port below 1024, the error says how to get it", {
  skip: isRoot ? firstFreePort <= 80 && "ports are free for all here" : "only root can give up its rights",
}, async () => {
  const { code, stderr } = await runUmay(toml({ web: "127.0.0.1:80" }), { prefix: unprivileged });
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "umay: listener web cannot listen on 127.0.0.1:80: this process may not listen on ports below 1024; grant CAP_NET_BIND_SERVICE, or choose a higher port (EACCES)\n",
  );
});

test("a configuration that is missing, unreadable or wrong ends with 78 and says where", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const missing = join(dir.path, "missing.toml");
  const none = await runUmay("", { args: ["--config", missing] });
  assert.equal(none.code, 78);
  assert.ok(none.stderr.includes(missing), none.stderr);

  const folder = await runUmay("", { args: ["--config", dir.path] });
  assert.equal(folder.code, 78);
  assert.match(folder.stderr, /is a folder/);

  const wrong = await runUmay(toml({ web: "127.0.0.1:0" }).replace("pool =", "pol ="));
  assert.equal(wrong.code, 78);
  assert.match(wrong.stderr, /:\d+:\d+: error: listeners\.web/);
  assert.match(wrong.stderr, /did you mean/);

  const empty = await runUmay("");
  assert.equal(empty.code, 78);
});

test("a configuration that may not be read ends with 78 and names the user", {
  skip: !isRoot && "only root can become another user",
}, async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const secret = join(dir.path, "secret.toml");
  writeFileSync(secret, toml({ web: "127.0.0.1:0" }), { mode: 0o600 });
  chmodSync(dir.path, 0o755);
  const { code, stderr } = await runUmay("", { args: ["--config", secret], prefix: unprivileged });
  assert.equal(code, 78);
  assert.match(stderr, /secret\.toml may not be read by the user/);
});

test("a certificate and a key that do not belong together end with 78, and both are named", async () => {
  const { cert, key } = certificates.mismatched;
  const { code, stderr } = await runUmay(
    toml({}) +
      `[listeners.web]
      bind = "127.0.0.1:0"
      pool = "echo"
      tls.certificates = [{ cert = "${cert}", key = "${key}" }]`,
  );
  assert.equal(code, 78);
  assert.ok(stderr.includes(key), stderr);
  assert.ok(stderr.includes(cert), stderr);
  assert.match(stderr, /error: listeners\.web\.tls\.certificates\[0\]/);
});

test("wrong usage ends with 2", async () => {
  assert.equal((await runUmay("", { args: ["--no-such-option"] })).code, 2);
  assert.equal((await runUmay("", { args: ["serve"] })).code, 2);
});

test("a cipher that OpenSSL does not know is refused at the start", async () => {
  const { cert, key } = certificates.ecdsa;
  const { code, stderr } = await runUmay(
    toml({}) +
      `[listeners.web]
      bind = "127.0.0.1:0"
      pool = "echo"
      tls = { ciphers = "NO-SUCH-CIPHER", certificates = [{ cert = "${cert}", key = "${key}" }] }`,
  );
  assert.ok(code === 78 || code === 1, String(code));
  assert.match(stderr, /NO-SUCH-CIPHER|cipher/i);
});
