import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../support/child.ts";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { residentBytes, settled } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

const wrk = spawnSync("wrk", ["-v"]).error !== undefined && "wrk is not installed";

test("wrk sees no error over three reloads and a change of routes", { skip: wrk }, async (t) => {
  await using one = await NodeServer.start((response) => response.end("one"));
  await using two = await NodeServer.start((response) => response.end("two"));
  const dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  t.after(() => dir.remove());
  const file = join(dir.path, "umay.toml");
  const write = (pool: string): void =>
    writeFileSync(
      file,
      `workers = 2
      log.sessions = false
      admin = { bind = "127.0.0.1:0" }
      [listeners.web]
      bind = "127.0.0.1:0"
      mode = "http"
      [routes.all]
      pool = "${pool}"
      ${poolToml("one", [one.address])}
      ${poolToml("two", [two.address])}`,
    );
  write("one");
  await using umay = await startUmay("", { args: ["--config", file] });
  await using load = new Child("wrk-child.ts", [`http://127.0.0.1:${umay.port("web")}/`, 8]);
  for (const pool of ["two", "one", "two"]) {
    await sleep(2_000);
    write(pool);
    const { status } = await fetch(`${umay.admin}/reload`, { method: "POST" });
    assert.equal(status, 200);
  }
  const report = JSON.parse(await load.line(60_000)) as {
    readonly requests: number;
    readonly errors: string;
  };
  assert.equal(report.errors, "");
  assert.ok(report.requests > 1_000, `${report.requests} requests`);
  assert.ok(one.seen.length > 0 && two.seen.length > 0);
});

test("9,000 connections that wait for a next request keep what they need and no more", async () => {
  const [connections, mostEach] = [8_500, 24 * 1_024];
  await using backend = await NodeServer.start((response) => response.end("ok"));
  await using umay = await startUmay(`
    workers = 1
    log.sessions = false
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    pool = "app"
    timeouts.keep_alive = "10m"
    ${poolToml("app", [backend.address])}`);
  const clients: HttpClient[] = [];
  const ask = async (client: HttpClient): Promise<void> => {
    client.write("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
    assert.equal((await client.response()).body.toString(), "ok");
  };
  const grow = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const client = await HttpClient.connect(umay.port("web"));
      clients.push(client);
      await ask(client);
    }
  };
  await grow(500);
  const before = residentBytes(umay.pid);
  await grow(connections);
  const each = (residentBytes(umay.pid) - before) / connections;
  assert.ok(each < mostEach, `${Math.round(each)} bytes for each connection`);
  // All of them still serve, and cost nothing more.
  for (const client of clients) await ask(client);
  assert.ok((await umay.metric("umay_backend_connections")) === 0);
  for (const client of clients) client[Symbol.dispose]();
  await settled(umay);
});
