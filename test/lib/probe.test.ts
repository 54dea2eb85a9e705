import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempDisposableSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { probe } from "../../src/lib/probe.ts";
import { freePorts } from "../support/free-ports.ts";

const at = (host: string, port: number) => ({ kind: "tcp", host, port }) as const;

test("a port that someone listens on is in use, shared or not, and free once it is closed", async () => {
  for (const reusePort of [true, false]) {
    const server = createServer().listen({ host: "127.0.0.1", port: 0, reusePort });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (const host of ["127.0.0.1", "0.0.0.0", "::"])
      await assert.rejects(probe(at(host, port)), { code: "EADDRINUSE" });
    server.close();
    await once(server, "close");
    for (const host of ["127.0.0.1", "0.0.0.0", "::"]) await probe(at(host, port));
  }
});

test("an address of another machine cannot be had", async () => {
  await assert.rejects(probe(at("198.51.100.1", 8080)), { code: "EADDRNOTAVAIL" });
});

test("a probe accepts nobody, and leaves nothing behind", async () => {
  const [port] = await freePorts(1);
  await Promise.all(Array.from({ length: 5 }, () => probe(at("127.0.0.1", port!)).catch(() => {})));
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  server.close();
});

test("a unix socket is probed without its file", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-probe-"));
  const path = join(dir.path, "a.sock");
  await probe({ kind: "unix", path });
  assert.ok(!existsSync(path));
  const server = createServer().listen(path);
  await once(server, "listening");
  await assert.rejects(probe({ kind: "unix", path }), { code: "EADDRINUSE" });
  server.close();
  writeFileSync(`${path}2`, "");
  await assert.rejects(probe({ kind: "unix", path: `${path}2` }), { code: "EADDRINUSE" });
  await assert.rejects(probe({ kind: "unix", path: "/no/such/folder/a.sock" }), { code: "EACCES" });
});
