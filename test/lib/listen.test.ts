import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { SocketAddress } from "../../src/lib/address.ts";
import { listen, listenError } from "../../src/lib/listen.ts";

const loopback: SocketAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };

function newServer(context: TestContext): Server {
  const server = createServer((socket) => socket.end());
  context.after(() => server.close());
  return server;
}

function socketPath(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "umay-listen-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "a.sock");
}

async function refusal(server: Server, address: SocketAddress): Promise<NodeJS.ErrnoException> {
  return listen(server, address).then(
    () => assert.fail("listens"),
    (error: NodeJS.ErrnoException) => error,
  );
}

test("port 0 becomes the port that the system chose", async (context) => {
  const server = newServer(context);
  const address = await listen(server, loopback);
  assert.ok(address.kind === "tcp" && address.port > 0);
  assert.equal(server.listenerCount("error"), 0);
});

test("a port in use is explained with its number and how to find who has it", async (context) => {
  const taken = await listen(newServer(context), loopback);
  assert.ok(taken.kind === "tcp");
  const error = await refusal(newServer(context), taken);
  const { port } = taken;
  assert.equal(
    error.message,
    `cannot listen on 127.0.0.1:${port}: the port is in use; 'ss -ltnp sport = :${port}' shows by whom (EADDRINUSE)`,
  );
  assert.equal(error.code, "EADDRINUSE");
});

test("sockets that ask to share a port get it both, with the backlog that they ask for", async (context) => {
  const options = { reusePort: true, backlog: 7 };
  const address = await listen(newServer(context), loopback, options);
  assert.deepEqual(await listen(newServer(context), address, options), address);
});

test("an address of another machine and a name that does not resolve are explained", async (context) => {
  const elsewhere = await refusal(newServer(context), { ...loopback, host: "192.0.2.1" });
  assert.match(elsewhere.message, /on 192\.0\.2\.1:0: .*not one of this machine.*EADDRNOTAVAIL/);
  const unknown = await refusal(newServer(context), { ...loopback, host: "no-such-host.invalid" });
  assert.match(unknown.message, /cannot be resolved.*(ENOTFOUND|EAI_AGAIN)/);
});

test("a unix socket gets its mode, and is gone when the server has closed", async (context) => {
  const path = socketPath(context);
  const umask = process.umask();
  const server = createServer();
  assert.deepEqual(await listen(server, { kind: "unix", path }, { mode: 0o600 }), { kind: "unix", path });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(process.umask(), umask);
  server.close();
  await once(server, "close");
  assert.ok(!existsSync(path));
});

test("a socket that a dead process left behind is replaced", async (context) => {
  const path = socketPath(context);
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", script]), "exit");
  assert.ok(statSync(path).isSocket());
  await listen(newServer(context), { kind: "unix", path });
  const client = connect(path);
  await once(client, "connect");
  client.destroy();
});

test("a socket that is served stays with who serves it", async (context) => {
  const path = socketPath(context);
  const owner = newServer(context);
  await listen(owner, { kind: "unix", path });
  const { message } = await refusal(newServer(context), { kind: "unix", path });
  assert.match(message, /another process.*EADDRINUSE/);
  const client = connect(path);
  await once(client, "connect");
  client.destroy();
});

test("a file that is no socket is left alone", async (context) => {
  const path = socketPath(context);
  writeFileSync(path, "precious");
  const { message } = await refusal(newServer(context), { kind: "unix", path });
  assert.match(message, /no socket.*EADDRINUSE/);
  assert.equal(readFileSync(path, "utf8"), "precious");
});

test("a folder that is missing is what the error is about", async (context) => {
  const path = join(socketPath(context), "missing", "a.sock");
  const { message } = await refusal(newServer(context), { kind: "unix", path });
  assert.equal(
    message,
    `cannot listen on unix:${path}: ${path} cannot be created; its folder has to exist and to belong to the user that umay runs as (EACCES)`,
  );
});

test("what has no explanation keeps the system's words", () => {
  assert.equal(
    listenError(new Error("listen EWEIRD"), loopback).message,
    "cannot listen on 127.0.0.1:0: listen EWEIRD",
  );
});
