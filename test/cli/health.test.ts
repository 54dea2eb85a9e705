import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runCommand } from "../support/command.ts";

/** An admin server that answers `/readyz` so. */
async function admin(t: TestContext, status: number, body: string): Promise<Server> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/readyz" ? status : 404;
    response.end(body);
  });
  t.after(() => server.close());
  return server;
}

async function onPort(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

test("a ready umay is healthy", async (t) => {
  const address = await onPort(await admin(t, 200, "ready\n"));
  const { code, stdout } = await runCommand(["health", "--admin", address]);
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "ready\n" });
});

test("UMAY_ADMIN names the address too", async (t) => {
  const address = await onPort(await admin(t, 200, "ready\n"));
  assert.equal((await runCommand(["health"], { env: { UMAY_ADMIN: address } })).code, 0);
});

test("an admin server on a unix socket is asked there", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "umay-health-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "admin.sock");
  await once((await admin(t, 200, "ready\n")).listen(path), "listening");
  assert.equal((await runCommand(["health", "--admin", `unix:${path}`])).code, 0);
});

test("one that is not ready is not healthy, and says why", async (t) => {
  const address = await onPort(await admin(t, 503, "draining\n"));
  const { code, stderr } = await runCommand(["health", "--admin", address]);
  assert.deepEqual({ code, stderr }, { code: 1, stderr: "umay: not ready (503): draining\n" });
});

test("no answer is not healthy", async (t) => {
  const server = await admin(t, 200, "");
  const address = await onPort(server);
  server.close();
  const { code, stderr } = await runCommand(["health", "--admin", address]);
  assert.match(stderr, new RegExp(`^umay: no answer from ${address}: .*ECONNREFUSED`));
  assert.equal(code, 1);
});

test("a server that accepts and never answers is given up", async (t) => {
  const server = createServer(() => {});
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const address = await onPort(server);
  const { code, stderr } = await runCommand(["health", "--admin", address]);
  assert.deepEqual(
    { code, stderr },
    { code: 1, stderr: `umay: no answer from ${address}: nothing within 3 s\n` },
  );
});
