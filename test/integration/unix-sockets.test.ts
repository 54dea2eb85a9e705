import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, chownSync, mkdtempDisposableSync, renameSync, rmSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { poolToml } from "../support/client.ts";
import { Peer } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { runUmay, startUmay } from "../support/umay.ts";

const isRoot = process.getuid?.() === 0;

async function echoes(path: string): Promise<void> {
  const socket = connect({ path });
  await once(socket, "connect");
  using client = new Peer(socket);
  client.end("hello");
  assert.equal(String(await client.readToEnd()), "hello");
}

const toml = (bind: string, backend: string, more = ""): string => `workers = 2
  listeners.echo = { bind = "${bind}", pool = "echo"${more} }
  ${poolToml("echo", [backend])}`;

test("a listener's unix socket has the mode, user and group that are configured", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  await using backend = await startEchoBackend();
  const path = join(dir.path, "a.sock");
  const owner = isRoot ? ', user = "daemon", group = 2' : "";
  await using umay = await startUmay(
    toml(`unix:${path}`, backend.address, `, socket = { mode = "0666"${owner} }`),
  );
  const { mode, uid, gid } = statSync(path);
  assert.equal(mode & 0o777, 0o666);
  if (isRoot) assert.deepEqual([uid, gid], [1, 2]);
  await echoes(path);
  assert.ok(umay.pid > 0);
});

test("an abstract name is no file, and serves; a backend may have one too", {
  skip: process.platform !== "linux",
}, async () => {
  await using backend = await startEchoBackend();
  const name = `umay-test-${process.pid}`;
  await using behind = await startUmay(toml(`unix:@${name}-2`, backend.address));
  await using umay = await startUmay(toml(`unix:@${name}`, `unix:@${name}-2`));
  await echoes(`\0${name}`);
  assert.ok(umay.pid !== behind.pid);
});

test("a socket file that vanishes is noticed and made anew, with its rights, again and again", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  await using backend = await startEchoBackend();
  const path = join(dir.path, "a.sock");
  await using umay = await startUmay(toml(`unix:${path}`, backend.address, ', socket = { mode = "0600" }'));
  for (let time = 1; time <= 2; time++) {
    rmSync(path);
    await umay.logged(
      () => umay.log.filter((line) => JSON.stringify(line).includes("has vanished")).length === time,
    );
    while (statSync(path, { throwIfNoEntry: false }) === undefined || (statSync(path).mode & 0o777) !== 0o600)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await echoes(path);
  }
});

test("a socket file that a dead process has left in place of it is noticed, and made anew", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  await using backend = await startEchoBackend();
  const [path, other] = [join(dir.path, "a.sock"), join(dir.path, "b.sock")];
  await using umay = await startUmay(toml(`unix:${path}`, backend.address));
  const taker = createServer();
  await once(taker.listen(other), "listening");
  renameSync(other, path);
  taker.close();
  await umay.logged((line) => JSON.stringify(line).includes("is nobody's any more; it is made anew"));
  await becomes(
    () =>
      echoes(path).then(
        () => true,
        () => false,
      ),
    (isServed) => isServed,
    "a socket",
  );
});

test("another user's stale socket is named as what it is", { skip: !isRoot }, async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  chmodSync(dir.path, 0o1777);
  const path = join(dir.path, "a.sock");
  const other = createServer().listen(path);
  await once(other, "listening");
  chownSync(path, 1, 1);
  chmodSync(path, 0o755);
  const dropped = ["setpriv", "--reuid=2", "--regid=2", "--clear-groups"];
  const { code, stderr } = await runUmay(toml(`unix:${path}`, "127.0.0.1:9"), { prefix: dropped });
  other.close();
  assert.equal(code, 1, stderr);
  assert.match(stderr, /the socket there is of the user with number 1, who may still serve it/);
});

test("rights need a socket with a file, and names that the system has", async () => {
  for (const [bind, socket, words] of [
    ["127.0.0.1:0", 'mode = "0666"', /socket: needs a bind that is a unix socket with a file/],
    ["unix:@a", 'mode = "0666"', /socket: needs a bind that is a unix socket with a file/],
    ["unix:/tmp/a.sock", 'mode = "999"', /socket\.mode: expected permission bits as text, such as "0660"/],
    ["unix:/tmp/a.sock", 'user = "no-such-user"', /socket\.user: this system has no user "no-such-user"/],
  ] as const) {
    const { code, stderr } = await runUmay(toml(bind, "127.0.0.1:9", `, socket = { ${socket} }`));
    assert.equal(code, 78);
    assert.match(stderr, words);
  }
});
