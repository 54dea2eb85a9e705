import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { metrics } from "../../src/observe/metrics.ts";
import { type Family, parseExposition } from "../control/tell/metrics/exposition-parser.ts";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectTo, listenersToml, poolToml, transports } from "../support/client.ts";
import { openFiles, settled } from "../support/settled.ts";
import { echoed, endingOf, farewell } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

/** The metrics and labels that dashboards and alerts are built on. */
const promised: Readonly<Record<string, readonly string[]>> = {
  umay_build_info: ["version", "revision", "node"],
  umay_ready: [],
  umay_config_last_reload_timestamp_seconds: [],
  umay_config_last_reload_successful: [],
  umay_backend_sent_bytes_total: ["pool", "backend"],
  umay_backend_received_bytes_total: ["pool", "backend"],
  umay_listener_connections_total: ["listener"],
  umay_listener_connections: ["listener"],
  umay_listener_rejected_total: ["listener", "reason"],
  umay_listener_received_bytes_total: ["listener"],
  umay_listener_sent_bytes_total: ["listener"],
  umay_tls_handshakes_total: ["listener", "result", "version"],
  umay_tls_handshake_duration_seconds: ["listener"],
  umay_session_duration_seconds: ["listener"],
  umay_backend_connections_total: ["pool", "backend"],
  umay_backend_connections: ["pool", "backend"],
  umay_pool_connect_failures_total: ["pool"],
  umay_backend_connect_duration_seconds: ["pool"],
  umay_backend_up: ["pool", "backend"],
  umay_config_reloads_total: ["result"],
  umay_config_generation: [],
  umay_certificate_not_after_timestamp_seconds: ["listener", "subject"],
};

type Families = ReadonlyMap<string, Family>;

async function scrape(umay: RunningUmay, accept = "text/plain"): Promise<Families> {
  const response = await fetch(`${umay.admin}/metrics`, { headers: { accept } });
  const openMetrics = response.headers.get("content-type")!.includes("openmetrics");
  assert.equal(openMetrics, accept.includes("openmetrics"));
  return parseExposition(await response.text(), openMetrics ? "openMetrics" : "text");
}

/** The sum of a sample over all series that have these labels. */
function sum(families: Families, sample: string, labels: Readonly<Record<string, string>> = {}): number {
  const family = families.get(sample) ?? families.get(sample.replace(/_(bucket|sum|count)$/, ""));
  assert.ok(family, `no family for ${sample}`);
  return family.series
    .filter(({ name }) => name === sample)
    .filter((series) => Object.entries(labels).every(([label, value]) => series.labels[label] === value))
    .reduce((total, { value }) => total + value, 0);
}

test("every promised metric is there, with its labels, in both formats", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(`
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    ${listenersToml("echo", certificates)}
    ${poolToml("echo", [backend.address])}`);
  const text = await scrape(umay);
  for (const [name, labels] of Object.entries(promised)) {
    const family = text.get(name);
    assert.ok(family !== undefined && family.series.length > 0, name);
    for (const series of family.series)
      assert.deepEqual(
        Object.keys(series.labels).filter((label) => label !== "le"),
        labels,
        name,
      );
  }
  for (const prefix of ["process_", "nodejs_"])
    assert.ok([...text.keys()].some((name) => name.startsWith(prefix)));
  for (const name of Object.keys(metrics)) assert.ok(text.has(name), name);

  const openMetrics = await scrape(umay, "application/openmetrics-text; version=1.0.0");
  for (const name of Object.keys(metrics)) assert.ok(openMetrics.has(name.replace(/_total$/, "")), name);

  const { validToDate } = new X509Certificate(readFileSync(certificates.ecdsa.cert));
  const expiry = { listener: "tls13" };
  assert.equal(
    sum(text, "umay_certificate_not_after_timestamp_seconds", expiry),
    validToDate.getTime() / 1000,
  );
  assert.equal(sum(text, "umay_workers"), 2);
  assert.equal(sum(text, "umay_config_generation"), (await umay.status()).generation);
  assert.ok(Math.abs(sum(await scrape(umay), "umay_open_files") - openFiles(umay.pid)) <= 2);
});

test("counts over two workers are exact, while sessions are open and when all have ended", async () => {
  await using first = await startEchoBackend();
  await using second = await startEchoBackend();
  await using umay = await startUmay(`
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    listeners.tight = { bind = "127.0.0.1:0", pool = "echo", max_connections = 1 }
    listeners.dead = { bind = "127.0.0.1:0", pool = "dead" }
    ${listenersToml("echo", certificates)}
    ${poolToml("echo", [first.address, second.address], 'picker = "round-robin"')}
    ${poolToml("dead", ["127.0.0.1:1"])}`);

  // Twelve sessions on each transport, with 1 to 12 kB each way; two more stay open.
  const each = 12;
  const bytes = (each * (each + 1) * 1000) / 2;
  const held = [];
  for (const transport of transports) {
    for (let kilobytes = 1; kilobytes <= each; kilobytes++)
      await farewell(await connectTo(umay, transport), "x".repeat(kilobytes * 1000));
    for (let count = 0; count < 2; count++) {
      const client = await connectTo(umay, transport);
      await echoed(client, "held");
      held.push(client);
    }
  }
  // Handshakes that fail, connections that are refused, backends that are not there.
  for (let count = 0; count < 3; count++) {
    const client = await connectPlain(umay.port("tls13"));
    client.end("GET / HTTP/1.1\r\n\r\n");
    await client.ending();
  }
  for (let count = 0; count < 2; count++) {
    const client = await connectPlain(umay.port("tls13"));
    client.end();
    await client.ending();
  }
  const only = await connectPlain(umay.port("tight"));
  await echoed(only);
  for (let count = 0; count < 4; count++)
    assert.equal(await endingOf(connectPlain(umay.port("tight"))), "ECONNRESET");
  for (let count = 0; count < 5; count++)
    assert.equal(await endingOf(connectPlain(umay.port("dead"))), "ECONNRESET");

  const open = await scrape(umay);
  for (const listener of transports) assert.equal(sum(open, "umay_listener_connections", { listener }), 2);
  for (const name of [
    "umay_connections",
    "umay_listener_connections",
    "umay_worker_connections",
    "umay_backend_connections",
  ])
    assert.equal(sum(open, name), held.length + 1, name);
  const { workers } = await umay.status();
  assert.equal(
    workers.reduce((total, { connections }) => total + connections, 0),
    held.length + 1,
  );

  for (const client of [...held, only]) {
    client.end();
    await client.readToEnd();
  }
  await settled(umay);
  const closed = await scrape(umay);
  for (const name of [
    "umay_connections",
    "umay_listener_connections",
    "umay_worker_connections",
    "umay_backend_connections",
  ])
    assert.equal(sum(closed, name), 0, name);
  const handshakes = (listener: string, result: string, version: string): number =>
    sum(closed, "umay_tls_handshakes_total", { listener, result, version });
  for (const [listener, failed] of Object.entries({ plain: 0, tls12: 0, tls13: 5 })) {
    const label = { listener };
    assert.equal(sum(closed, "umay_listener_connections_total", label), each + 2 + failed);
    for (const direction of ["received", "sent"])
      assert.equal(sum(closed, `umay_listener_${direction}_bytes_total`, label), bytes + 2 * "held".length);
    assert.equal(sum(closed, "umay_session_duration_seconds_count", label), each + 2);
    if (listener === "plain") continue;
    assert.equal(sum(closed, "umay_tls_handshake_duration_seconds_count", label), each + 2);
    assert.equal(sum(closed, "umay_tls_handshakes_total", label), each + 2 + failed);
  }
  assert.equal(handshakes("tls12", "ok", "TLSv1.2"), each + 2);
  assert.equal(handshakes("tls13", "ok", "TLSv1.3"), each + 2);
  assert.equal(handshakes("tls13", "not_tls", ""), 3);
  assert.equal(handshakes("tls13", "client_gone", ""), 2);
  assert.equal(sum(closed, "umay_listener_rejected_total"), 4);
  assert.equal(
    sum(closed, "umay_listener_rejected_total", { listener: "tight", reason: "max_connections" }),
    4,
  );
  assert.equal(sum(closed, "umay_listener_connections_total", { listener: "tight" }), 1);
  assert.equal(sum(closed, "umay_listener_connections_total", { listener: "dead" }), 5);
  assert.equal(sum(closed, "umay_backend_connect_failures_total"), 5);
  assert.equal(sum(closed, "umay_pool_connect_failures_total", { pool: "dead" }), 5);
  assert.equal(sum(closed, "umay_pool_connect_failures_total", { pool: "echo" }), 0);
  assert.equal(sum(closed, "umay_backend_connect_failures_total", { pool: "dead", reason: "refused" }), 5);
  const connected = 3 * (each + 2) + 1;
  assert.equal(sum(closed, "umay_backend_connections_total"), connected);
  assert.equal(sum(closed, "umay_backend_connect_duration_seconds_count", { pool: "echo" }), connected);
  assert.equal(sum(closed, "umay_backend_connections_total", { backend: first.address }), first.peers.length);
  assert.equal(
    sum(closed, "umay_backend_connections_total", { backend: second.address }),
    second.peers.length,
  );

  const { listeners, pools } = await umay.status();
  assert.equal(listeners["tls13"]!.connections_total, each + 2 + 5);
  assert.equal(pools["dead"]!.backends[0]!.connect_failures_total, 5);
  assert.deepEqual(
    pools["echo"]!.backends.map(({ connections_total }) => connections_total),
    [first.peers.length, second.peers.length],
  );
});
