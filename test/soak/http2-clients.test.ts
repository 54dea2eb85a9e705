import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { poolToml } from "../support/client.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { contentOf, startHttpApp } from "../support/http-app.ts";
import { curl, go, httpx, java } from "../support/http-clients.ts";
import { testClients } from "../support/test-http-clients.ts";
import { startUmay } from "../support/umay.ts";

testClients([curl, go, httpx, java], "2");

const missing = (program: string): string | false =>
  spawnSync(program, ["--version"]).error !== undefined && `${program} is not installed`;

async function output(program: string, ...args: readonly string[]): Promise<string> {
  const running = promisify(execFile)(program, args, { encoding: "latin1", maxBuffer: 1 << 26 });
  endWithTest(running.child);
  return (await running).stdout;
}

const start = async (address: string) =>
  await startUmay(`
    workers = 2
    log.sessions = false
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    pool = "app"
    max_requests_per_connection = 0
    http2.max_streams = 1000
    ${poolToml("app", [address])}`);

test("nghttp gets what it asks for, without TLS", { skip: missing("nghttp") }, async () => {
  await using app = await startHttpApp();
  await using umay = await start(app.address);
  const base = `http://127.0.0.1:${umay.port("web")}`;
  const got = await output("nghttp", `${base}/bytes/1000`, `${base}/stream/200000`);
  assert.equal(got.length, 201_000);
  assert.ok(got.includes(contentOf(1_000).toString("latin1")));
});

test("h2load sees no error with 1,000 streams, on one connection and on ten", {
  skip: missing("h2load"),
}, async () => {
  await using app = await startHttpApp();
  await using umay = await start(app.address);
  for (const [connections, streams] of [
    ["1", "1000"],
    ["10", "100"],
  ] as const) {
    const url = `http://127.0.0.1:${umay.port("web")}/bytes/1000`;
    const report = await output("h2load", "-n", "20000", "-c", connections, "-m", streams, url);
    assert.match(report, /20000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.match(report, /status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx/);
  }
});
