import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { connectPlain } from "../support/client.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { patient } from "../support/patience.ts";
import { becomes, sessionOf, settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

describe("a backend that has not been checked yet", () => {
  const resources = new AsyncDisposableStack();
  let dns: DnsServer;
  let echo: Backend;
  let umay: RunningUmay;
  /** Checks that were not answered yet. */
  const checks: ServerResponse[] = [];

  before(async () => {
    dns = resources.use(await startDnsServer());
    echo = resources.use(await startEchoBackend());
    const health = createServer((_, response) => checks.push(response)).listen(0, "127.0.0.1");
    await once(health, "listening");
    resources.defer(() => void health.closeAllConnections());
    resources.defer(() => void health.close());
    dns.answer("app.test", "A", []);
    umay = resources.use(
      await startUmay(`
        workers = 2
        admin = { bind = "127.0.0.1:0" }
        listeners.plain = { bind = "127.0.0.1:0", pool = "app" }
        [pools.app]
        panic_threshold = 0
        health = { type = "http", address = "127.0.0.1", port = ${(health.address() as AddressInfo).port}, timeout = "${patient(5_000)}ms" }
        [pools.app.discovery]
        type = "dns"
        name = "app.test"
        port = ${echo.address.split(":")[1]}
        nameservers = ["${dns.address}"]
        refresh = { min = "100ms", max = "100ms" }
        hold = "0s"`),
    );
  });

  afterEach(async () => {
    await settled(umay);
    dns.answer("app.test", "A", []);
    await becomes(states, (found) => found.length === 0, "backends");
    for (const check of checks.splice(0)) check.destroy();
  });
  after(() => resources.disposeAsync());

  const states = async (): Promise<readonly string[]> =>
    (await umay.status()).pools["app"]!.backends.map(({ state }) => state);

  /** Discovery finds the backend, and its first check is under way. */
  async function appears(): Promise<void> {
    dns.answer("app.test", "A", ["127.0.0.1"]);
    await becomes(states, ([state]) => state === "checking", "the state of the backend");
    await becomes(
      () => checks.length,
      (count) => count > 0,
      "checks",
    );
  }

  test("gets the sessions that wait for its first check as soon as it has passed", async () => {
    await appears();
    using client = await connectPlain(umay.port("plain"));
    await client.write("x");
    await becomes(
      () => umay.metric("umay_pool_queue_sessions"),
      (count) => count === 1,
      "sessions that wait",
    );
    assert.equal(echo.peers.length, 0);
    checks[0]!.end();
    assert.equal(String(await client.read(1)), "x");
    assert.deepEqual(await states(), ["up"]);
    client.end();
    const line = await sessionOf(umay, client);
    assert.ok((line["queue_ms"] as number) < patient(1_100), `${line["queue_ms"]} ms`);
  });

  test("ends the sessions that wait for its first check when that fails", async () => {
    await appears();
    using client = await connectPlain(umay.port("plain"));
    await client.write("x");
    await becomes(
      () => umay.metric("umay_pool_queue_sessions"),
      (count) => count === 1,
      "sessions that wait",
    );
    checks[0]!.writeHead(503).end();
    assert.equal(await client.ending(), "ECONNRESET");
    assert.equal((await sessionOf(umay, client))["reason"], "no_backend");
    assert.deepEqual(await states(), ["down"]);
  });

  test("gets them after a second where the check takes longer", async () => {
    await appears();
    using client = await connectPlain(umay.port("plain"));
    await client.write("x");
    assert.equal(String(await client.read(1)), "x");
    assert.deepEqual(await states(), ["up"]);
    client.end();
    const line = await sessionOf(umay, client);
    assert.ok((line["queue_ms"] as number) > 0);
  });
});
