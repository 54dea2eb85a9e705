import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { SocketAddress } from "../../src/lib/address.ts";
import { listen } from "../../src/lib/listen.ts";
import { isLeaving, isReplaceable, leavePath } from "../../src/lib/socket-place.ts";

function newServer(context: TestContext, word = ""): Server {
  // Whoever only looks whether it is served is gone at once.
  const server = createServer((socket) => socket.on("error", () => {}).end(word));
  context.after(() => server.close());
  return server;
}

function socketPath(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "umay-place-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "a.sock");
}

test("a unix socket takes the place of another one without a moment between, and the other one leaves its file", async (context) => {
  const path = socketPath(context);
  const address: SocketAddress = { kind: "unix", path };
  const [old, next] = ["old", "next"].map((name) => {
    // Whoever only looks whether it is served is gone at once.
    const server = createServer((socket) => socket.on("error", () => {}).end(name));
    context.after(() => server.close());
    return server;
  }) as [Server, Server];
  await listen(old, address);
  const said: string[] = [];
  let isOver = false;
  const visits = (async () => {
    while (!isOver) said.push(await text(connect({ path })));
  })();
  while (said.length < 5) await setImmediate();
  await assert.rejects(listen(createServer(), address), { code: "EADDRINUSE" });
  await listen(next, address, { replace: true });
  await leavePath(old);
  old.close();
  const before = said.length;
  while (said.length < before + 5) await Promise.race([setImmediate(), visits]);
  isOver = true;
  await visits;
  assert.deepEqual([...new Set(said)], ["old", "next"]);
  assert.equal(said.at(-1), "next");
  next.close();
  assert.ok(!existsSync(path));
  assert.deepEqual(readdirSync(dirname(path)), []);
});

test("a path with no room for another one beside it is bound as it is", async (context) => {
  const folder = dirname(socketPath(context));
  const path = join(folder, "short");
  const deep = `${folder}/${"d".repeat(107 - folder.length - 4)}`;
  mkdirSync(deep);
  const long: SocketAddress = { kind: "unix", path: `${deep}/ab` };
  assert.equal(isReplaceable(long.path), false);
  assert.equal(isReplaceable("@abstract"), false);
  assert.equal(isReplaceable(path), true);
  const server = newServer(context);
  await listen(server, long);
  assert.ok(existsSync(long.path));
});

test("a socket that leaves its path is found no more, and serves all that came before, however busy it is", async (context) => {
  const path = socketPath(context);
  const server = newServer(context, "served");
  await listen(server, { kind: "unix", path });
  const said: string[] = [];
  const visit = async (): Promise<void> => {
    for (;;)
      try {
        said.push(await text(connect({ path })));
      } catch (error) {
        return void said.push((error as NodeJS.ErrnoException).code!);
      }
  };
  const visits = Array.from({ length: 5 }, visit);
  while (said.length < 20) await setImmediate();
  assert.equal(isLeaving(server), false);
  await leavePath(server);
  assert.equal(isLeaving(server), true);
  assert.ok(!existsSync(path));
  server.close();
  await Promise.all(visits);
  assert.deepEqual([...new Set(said)], ["served", "ENOENT"]);
});

test("a socket without a file of its own is not waited for", async (context) => {
  const server = newServer(context);
  await listen(server, { kind: "tcp", host: "127.0.0.1", port: 0 });
  await leavePath(server);
  assert.ok(server.listening);
});

test("nobody finds a file that has not been prepared, and one that can't be is away", async (context) => {
  const path = socketPath(context);
  const address: SocketAddress = { kind: "unix", path };
  const seen: boolean[] = [];
  const prepare = (file: string): void => {
    seen.push(existsSync(path));
    assert.ok(statSync(file).isSocket());
    chmodSync(file, 0o612);
  };
  await listen(newServer(context), address, { prepare });
  assert.deepEqual(seen, [false]);
  assert.equal(statSync(path).mode & 0o777, 0o612);
  const before = statSync(path).ino;
  const failing = listen(newServer(context), address, {
    replace: true,
    prepare: () => {
      throw new Error("not this one");
    },
  });
  await assert.rejects(failing, /^Error: not this one$/);
  assert.deepEqual(readdirSync(dirname(path)), ["a.sock"]);
  assert.equal(statSync(path).ino, before);
});

test("nothing but a socket is replaced", async (context) => {
  const path = socketPath(context);
  writeFileSync(path, "precious");
  const failing = listen(newServer(context), { kind: "unix", path }, { replace: true });
  await assert.rejects(failing, { code: "EADDRINUSE" });
  assert.equal(readFileSync(path, "utf8"), "precious");
  assert.deepEqual(readdirSync(dirname(path)), ["a.sock"]);
});

test("a file that may not be removed any more is left", {
  skip: process.getuid?.() !== 0,
}, async (context) => {
  const path = socketPath(context);
  const server = newServer(context);
  await listen(server, { kind: "unix", path });
  // Anybody may look, and the owner alone may remove.
  chmodSync(dirname(path), 0o755);
  process.seteuid!(65_534);
  try {
    server.close();
  } finally {
    process.seteuid!(0);
  }
  assert.ok(existsSync(path));
  assert.equal(server.listening, false);
});
