import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { describeEcho, type EchoServer, prefixLines, startEcho } from "../../src/cli/echo-server.ts";

async function started(t: TestContext, name?: string): Promise<EchoServer> {
  const server = await startEcho({ bind: "127.0.0.1:0", name });
  t.after(() => server.close());
  return server;
}

function client(server: EchoServer): Socket {
  assert.ok(server.address.kind === "tcp");
  return connect({ host: server.address.host, port: server.address.port, allowHalfOpen: true });
}

/** Waits until the server has forgotten its connections; each check follows an event, none a clock. */
async function untilIdle(server: EchoServer): Promise<void> {
  while (server.connections > 0) await new Promise(setImmediate);
}

test("each line comes back with the name before it", async (t) => {
  const socket = client(await started(t, "echo-1"));
  socket.end("Hello, Umay!\nand again\r\n\nno newline");
  assert.equal(
    (await buffer(socket)).toString(),
    "echo-1: Hello, Umay!\necho-1: and again\r\necho-1: \necho-1: no newline",
  );
});

test("a part of a line comes back at once, with the name only before its first byte", async (t) => {
  const socket = client(await started(t, "e")).setEncoding("utf8");
  socket.write("par");
  assert.deepEqual(await once(socket, "data"), ["e: par"]);
  socket.write("tial\n");
  assert.deepEqual(await once(socket, "data"), ["tial\n"]);
  socket.destroy();
});

test("without a name every byte comes back as it was sent", async (t) => {
  const socket = client(await started(t));
  const bytes = randomBytes(1024 * 1024);
  socket.end(bytes);
  assert.ok(bytes.equals(await buffer(socket)));
});

test("lines are marked alike however the bytes are cut, and no other byte changes", async () => {
  const byte = fc.oneof(fc.constant(0x0a), fc.integer({ min: 0, max: 255 }));
  const chunk = fc.array(byte, { minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 12 }), async (chunks) => {
      const transform = prefixLines("n: ");
      for (const part of chunks) transform.write(part);
      transform.end();
      const whole = Buffer.concat(chunks).toString("latin1");
      const expected = whole.replaceAll(/[^\n]*\n|[^\n]+$/g, (line) => `n: ${line}`);
      assert.equal((await buffer(transform)).toString("latin1"), expected);
    }),
  );
});

test("a client that does not read is not read from without end, and gets everything once it reads", async (t) => {
  const socket = client(await started(t));
  const bytes = randomBytes(64 * 1024 * 1024);
  const block = 1024 * 1024;
  for (let at = 0; at < bytes.length; at += block) socket.write(bytes.subarray(at, at + block));
  socket.end();
  // Only what the kernel's buffers and a stream's high-water marks hold can have left before the first read.
  const left = (): number => bytes.length - socket.writableLength;
  for (let before = 0; left() === 0 || before !== left(); await setTimeout(100)) before = left();
  assert.ok(left() > 0 && left() < bytes.length);
  assert.ok(bytes.equals(await buffer(socket)));
});

test("a client that resets its connection harms no other", async (t) => {
  const server = await started(t, "e");
  const bad = client(server);
  bad.write("x".repeat(100_000));
  await once(bad, "data");
  bad.resetAndDestroy();
  await once(bad, "close");
  await untilIdle(server);
  const good = client(server);
  good.end("still here");
  assert.equal((await buffer(good)).toString(), "e: still here");
});

test("closing lets open connections end within the grace time", async (t) => {
  const server = await started(t, "e");
  const socket = client(server).setEncoding("utf8");
  socket.write("one\n");
  await once(socket, "data");
  const closed = server.close(60_000);
  socket.write("two\n");
  assert.deepEqual(await once(socket, "data"), ["e: two\n"]);
  socket.end();
  await closed;
  await untilIdle(server);
});

test("closing cuts the connections that stay open", async (t) => {
  const server = await started(t);
  const socket = client(server);
  await once(socket, "connect");
  socket.write("x");
  await once(socket, "data");
  const gone = once(socket, "close");
  await server.close(10);
  socket.on("error", () => {}).end();
  await gone;
});

test("it listens on a unix socket too", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "umay-echo-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "echo.sock");
  const server = await startEcho({ bind: `unix:${path}`, name: "u" });
  t.after(() => server.close());
  const socket = connect(path);
  socket.end("hi");
  assert.equal((await buffer(socket)).toString(), "u: hi");
  assert.equal(describeEcho("u", server), `u listens on unix:${path}`);
});

test("an address that is taken or none is refused with the reason", async (t) => {
  const first = await started(t);
  assert.ok(first.address.kind === "tcp");
  await assert.rejects(startEcho({ bind: `127.0.0.1:${first.address.port}` }), { code: "EADDRINUSE" });
  await assert.rejects(startEcho({ bind: "nonsense" }), /nonsense has no port; write host:port/);
});
