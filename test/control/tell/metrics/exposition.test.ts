import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  backendCell,
  connectFailureList,
  handshakeOutcomes,
  listenerCell,
  poolCell,
  rejectReasonList,
  routeCell,
} from "../../../../src/channel/counters.ts";
import { recordValue } from "../../../../src/channel/histogram.ts";
import { backendFlag, mostConnections, openConnections } from "../../../../src/channel/memory.ts";
import { exposition } from "../../../../src/control/tell/metrics/exposition.ts";
import { revision, version } from "../../../../src/lib/version.ts";
import { metrics } from "../../../../src/observe/metrics.ts";
import { wholeText } from "../../../support/whole-text.ts";
import { awkward, expiry, manyPools, type TestInput, testInput } from "../metrics-input.ts";
import { type Family, parseExposition } from "./exposition-parser.ts";

const openMetricsAccept =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/** These have a series once there is something to count. */
const comingLate = new Set(["umay_backend_connect_failures_total"]);

async function scrape(input: TestInput): Promise<Map<string, Family>> {
  return parseExposition(await wholeText((await exposition(input, "")).body), "text");
}

/** The value of the series that has exactly these labels. */
function value(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  const wanted = JSON.stringify(Object.entries(labels).sort());
  const found = family?.series.filter(
    (series) => series.name === name && JSON.stringify(Object.entries(series.labels).sort()) === wanted,
  );
  assert.equal(found?.length, 1, `one ${name}${wanted}`);
  return found[0]!.value;
}

/** The first scrape loads the library. */
before(() => exposition(testInput(), ""));

test("both formats have every metric of the table and the process's own, with help, type and labels as the table says", async () => {
  const input = testInput();
  // Statuses of gRPC have a series each once there is one.
  const [memory] = input.memories;
  memory![input.web.counters + listenerCell.grpcStatuses] = 1;
  memory![input.snapshot().routeTables[0]!.routes[0]!.counters + routeCell.grpcStatuses] = 1;
  for (const format of ["text", "openMetrics"] as const) {
    const { body } = await exposition(input, format === "text" ? "" : openMetricsAccept);
    const families = parseExposition(await wholeText(body), format);
    for (const [name, { type, help, labels }] of Object.entries(metrics)) {
      const plain = name.replace(/_total$/, "");
      const nameTaken = type === "counter" && plain in metrics;
      const family = families.get(format === "text" || nameTaken ? name : plain);
      assert.equal(family?.type, format === "openMetrics" && nameTaken ? "unknown" : type, name);
      assert.equal(family.help, help);
      assert.equal(family.series.length > 0, !comingLate.has(name), name);
      const expected = new Set<string>(labels);
      for (const { labels: found } of family.series)
        assert.deepEqual(new Set(Object.keys(found).filter((label) => label !== "le")), expected, name);
    }
    for (const name of [
      "process_resident_memory_bytes",
      "nodejs_eventloop_lag_seconds",
      "nodejs_heap_size_used_bytes",
    ])
      assert.ok(families.has(name), name);
  }
});

test("a scrape in one format does not change the next in the other", async () => {
  const input = testInput();
  const before = [...(await scrape(input)).keys()];
  await wholeText((await exposition(input, openMetricsAccept)).body);
  assert.deepEqual([...(await scrape(input)).keys()], before);
});

test("counts are sums over the workers, and open is what began less what ended", async () => {
  const input = testInput();
  const [first, second] = input.memories;
  const { counters } = input.web;
  const backend = input.echo.backends[1]!;
  for (const memory of [first!, second!]) {
    memory[counters + listenerCell.accepted] = 10;
    memory[counters + listenerCell.ended] = 4;
    memory[counters + listenerCell.received] = 2 ** 52;
    memory[counters + listenerCell.sent] = 7;
    for (const index of rejectReasonList.keys()) memory[counters + listenerCell.rejected + index] = index + 1;
    for (const index of handshakeOutcomes.keys())
      memory[counters + listenerCell.handshakes + index] = index + 1;
    memory[backend.counters + backendCell.leased] = 9;
    memory[backend.counters + backendCell.released] = 8;
    memory[backend.counters + backendCell.connected] = 6;
    for (const index of connectFailureList.keys())
      memory[backend.counters + backendCell.failures + index] = index + 1;
  }
  second![input.plain.counters + listenerCell.accepted] = 1;
  const families = await scrape(input);
  const listener = "web";
  assert.equal(value(families, "umay_listener_connections_total", { listener }), 20);
  assert.equal(value(families, "umay_listener_connections", { listener }), 12);
  assert.equal(value(families, "umay_listener_received_bytes_total", { listener }), 2 ** 53);
  assert.equal(value(families, "umay_listener_sent_bytes_total", { listener }), 14);
  assert.equal(value(families, "umay_listener_connections", { listener: awkward }), 1);
  assert.equal(value(families, "umay_worker_connections", { worker: "1" }), 6);
  assert.equal(value(families, "umay_worker_connections", { worker: "2" }), 7);
  for (const [index, reason] of rejectReasonList.entries())
    assert.equal(value(families, "umay_listener_rejected_total", { listener, reason }), 2 * (index + 1));
  for (const [index, { result, version }] of handshakeOutcomes.entries())
    assert.equal(
      value(families, "umay_tls_handshakes_total", { listener, result, version }),
      2 * (index + 1),
    );
  const labels = { pool: "echo", backend: "127.0.0.1:1995" };
  assert.equal(value(families, "umay_backend_connections_total", labels), 12);
  assert.equal(value(families, "umay_backend_connections", labels), 2);
  for (const [index, reason] of connectFailureList.entries())
    assert.equal(
      value(families, "umay_backend_connect_failures_total", { ...labels, reason }),
      2 * (index + 1),
    );
  // No series before the first failure, but for the pool.
  const failures = families.get("umay_backend_connect_failures_total")!.series;
  assert.deepEqual(new Set(failures.map((series) => series.labels["backend"])), new Set([labels.backend]));
  assert.equal(value(families, "umay_pool_connect_failures_total", { pool: "empty" }), 0);
  assert.equal(value(families, "umay_backend_connections", { ...labels, backend: "127.0.0.1:1994" }), 0);
});

test("what the control plane knows is served as it is", async () => {
  const input = testInput();
  input.shared.process[openConnections] = 12;
  input.shared.process[mostConnections] = 480;
  const families = await scrape(input);
  assert.equal(value(families, "umay_build_info", { version, revision, node: process.versions.node }), 1);
  assert.equal(value(families, "umay_ready"), 1);
  assert.equal(value(families, "umay_config_last_reload_timestamp_seconds"), expiry / 1000);
  assert.equal(value(families, "umay_config_last_reload_successful"), 0);
  assert.equal(value(families, "umay_connections"), 12);
  assert.equal(value(families, "umay_connections_limit"), 480);
  assert.equal(value(families, "umay_config_generation"), 7);
  assert.equal(value(families, "umay_config_reloads_total", { result: "applied" }), 1);
  assert.equal(value(families, "umay_config_reloads_total", { result: "failed" }), 4);
  for (const [result, count] of Object.entries({ applied: 2, failed: 3 }))
    assert.equal(value(families, "umay_certificate_reloads_total", { listener: "web", result }), count);
  for (const [result, count] of Object.entries({ applied: 4, failed: 5 }))
    assert.equal(value(families, "umay_pool_certificate_reloads_total", { pool: "echo", result }), count);
  const shown = { pool: "echo", subject: "CN=umay" };
  const end = (expiry + 2000) / 1000;
  assert.equal(value(families, "umay_pool_certificate_not_after_timestamp_seconds", shown), end);
  assert.equal(value(families, "umay_workers"), 2);
  assert.equal(value(families, "umay_worker_restarts_total"), 2);
  assert.equal(value(families, "umay_worker_hangs_total"), 1);
  assert.equal(value(families, "umay_log_lines_dropped_total"), 5);
  assert.equal(value(families, "umay_discovery_errors_total", { pool: "echo" }), 0);
  assert.equal(value(families, "umay_discovery_errors_total", { pool: "empty" }), 3);
  const [first, second] = ["127.0.0.1:1994", "127.0.0.1:1995"].map((backend) => ({ pool: "echo", backend }));
  assert.equal(value(families, "umay_backend_health_changes_total", first!), 3);
  assert.equal(value(families, "umay_backend_check_failures_total", first!), 9);
  assert.equal(value(families, "umay_backend_ejections_total", first!), 1);
  assert.equal(value(families, "umay_backend_ejections_total", second!), 1);
  assert.equal(value(families, "umay_pool_panic", { pool: "echo" }), 0);
  assert.equal(value(families, "umay_pool_panic", { pool: "empty" }), 1);
  assert.equal(value(families, "umay_open_files_limit"), 1024);
  assert.ok(value(families, "umay_open_files") >= 3);
});

test("a backend is up, down, ejected or draining", async () => {
  const input = testInput();
  const flags = [0, backendFlag.down, backendFlag.ejected, backendFlag.draining];
  for (const [index, flag] of flags.entries())
    input.shared.backendFlags[input.echo.backends[index]!.slot] = flag;
  const families = await scrape(input);
  const up = input.echo.backends.map(({ address }) =>
    value(families, "umay_backend_up", { pool: "echo", backend: address }),
  );
  assert.deepEqual(up, [1, 0, 0, 1]);
  for (const state of ["up", "down", "ejected", "draining"]) {
    assert.equal(value(families, "umay_pool_backends", { pool: "echo", state }), 1);
    assert.equal(value(families, "umay_pool_backends", { pool: "empty", state }), 0);
  }
});

test("of certificates with one subject the first to expire counts, and plain listeners have none", async () => {
  const families = await scrape(testInput());
  const name = "umay_certificate_not_after_timestamp_seconds";
  assert.equal(families.get(name)!.series.length, 2);
  assert.equal(value(families, name, { listener: "web", subject: "CN=example.com" }), expiry / 1000);
  assert.equal(value(families, name, { listener: "web", subject: awkward }), expiry / 1000 + 0.5);
});

test("a histogram counts every value where it belongs, and its sum is exact", async () => {
  const input = testInput();
  const seconds = [0.0001, 0.0002, 0.0007, 0.003, 0.003, 0.04, 3, 11, 100_000];
  for (const [index, duration] of seconds.entries()) {
    const memory = input.memories[index % 2]!;
    const microseconds = duration * 1e6;
    recordValue(memory, input.web.counters + listenerCell.handshakeDuration, microseconds);
    recordValue(memory, input.web.counters + listenerCell.sessionDuration, microseconds);
    recordValue(memory, input.echo.counters + poolCell.connectDuration, microseconds);
  }
  const families = await scrape(input);
  for (const [name, labels] of [
    ["umay_tls_handshake_duration_seconds", { listener: "web" }],
    ["umay_session_duration_seconds", { listener: "web" }],
    ["umay_backend_connect_duration_seconds", { pool: "echo" }],
  ] as const) {
    for (const bound of [...metrics[name].bounds, Number.POSITIVE_INFINITY]) {
      const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound);
      const expected = seconds.filter((duration) => duration <= bound).length;
      assert.equal(value(families, `${name}_bucket`, { ...labels, le }), expected, `${name} ${le}`);
    }
    assert.equal(
      value(families, `${name}_sum`, labels),
      seconds.reduce((sum, each) => sum + each * 1e6, 0) / 1e6,
    );
  }
  assert.equal(value(families, "umay_session_duration_seconds_count", { listener: awkward }), 0);
});

test("OpenMetrics is served to those who like it at least as well as text", async () => {
  const input = testInput();
  const served = async (accept: string): Promise<string> => {
    const { contentType } = await exposition(input, accept);
    return contentType.split(";")[0]!;
  };
  assert.equal(await served(openMetricsAccept), "application/openmetrics-text");
  assert.equal(await served("application/openmetrics-text"), "application/openmetrics-text");
  assert.equal(
    await served("Application/OpenMetrics-Text ; q=0.5, text/plain;q=0.5"),
    "application/openmetrics-text",
  );
  for (const accept of [
    "",
    "*/*",
    "text/plain",
    "text/html,*/*;q=0.8",
    "application/openmetrics-text;q=0",
    "application/openmetrics-text;q=0.3,text/plain;q=0.4",
    "application/openmetrics-text;q=nonsense",
    ";;;,=,q=",
  ])
    assert.equal(await served(accept), "text/plain", accept);
});

test("metrics of very many backends come in pieces, and a pool that has left by its turn is left out", async () => {
  const input = manyPools(2_000);
  const { pools } = input.snapshot();
  let present = pools;
  let generation = 1;
  const { body } = await exposition(
    { ...input, generation: () => generation, snapshot: () => ({ ...input.snapshot(), pools: present }) },
    "",
  );
  const name = "umay_backend_connections_total";
  let text = "";
  for await (const piece of body) {
    text += piece;
    if (present !== pools || !text.includes(`# TYPE ${name} `)) continue;
    // The last one of them has not been read.
    assert.ok(!text.includes(`${name}{pool="pool-1999"`));
    present = pools.slice(0, -1);
    generation++;
  }
  assert.ok(text.includes(`${name}{pool="pool-1998"`));
  assert.ok(!text.includes(`${name}{pool="pool-1999"`));
});
