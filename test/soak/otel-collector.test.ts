import assert from "node:assert/strict";
import { test } from "node:test";
import { poolToml } from "../support/client.ts";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
import { Collector, findCollector } from "../support/otel-collector.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

const program = findCollector();
const skip =
  program === undefined && "the OpenTelemetry Collector can't be built: there is no Go, or no modules";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
/** With as many the metrics are more than a collector takes in one request. */
const backends = 6_000;
const requests = 500;

test("the OpenTelemetry Collector understands all spans, all metrics of 6,000 backends, and exemplars", {
  skip,
}, async () => {
  using collector = await Collector.start(program!);
  await using backend = await startHttpBackend(tellRequest("a"));
  const others = Array.from({ length: backends }, (_, index) => `127.1.${index >> 8}.${index & 255}:9`);
  await using umay = await startUmay(`
    workers = 2
    [otlp]
    endpoint = "http://${collector.address}"
    percent = 100
    metrics_interval = "5s"
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    forwarded = { trust = ["127.0.0.0/8"] }
    [routes.all]
    pool = "app"
    [routes.others]
    path_prefix = "/others"
    pool = "others"
    ${poolToml("app", [backend.address])}
    ${poolToml("others", others)}`);
  const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
  for (let index = 0; index < requests; index++)
    await ask(umay.port("web"), { path: `/${index}`, headers: index === 0 ? { traceparent } : {} });
  await becomes(
    () => collector.spans.length,
    (count) => count === requests,
    "spans",
    30_000,
  );
  const spans = collector.spans;
  const paths = spans.map(
    ({ attributes }) => attributes.find(({ key }) => key === "url.path")?.value["stringValue"],
  );
  assert.equal(new Set(paths).size, requests);
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, requests);
  assert.ok(spans.every(({ name, kind, flags }) => name === "GET all" && kind === 2 && (flags & 1) === 1));
  const known = spans.find(({ traceId }) => traceId === trace)!;
  assert.deepEqual([known.parentSpanId, known.flags], ["00f067aa0ba902b7", 0x301]);

  const named = (wanted: string) => collector.metrics.filter(({ name }) => name === wanted);
  const connections = () => named("umay_backend_connections").flatMap(({ gauge }) => gauge?.dataPoints ?? []);
  await becomes(
    () => new Set(connections().map(({ attributes }) => JSON.stringify(attributes))).size,
    (count) => count > backends,
    "points of backends",
    60_000,
  );
  const durations = await becomes(
    () =>
      named("umay_route_request_duration_seconds").flatMap(({ histogram }) => histogram?.dataPoints ?? []),
    (all) => all.some(({ count, exemplars = [] }) => count === String(requests) && exemplars.length > 0),
    "a histogram with an exemplar",
    60_000,
  );
  // Of a number that is 0 the collector's JSON says nothing.
  for (const { bucketCounts, explicitBounds, count = "0" } of durations) {
    assert.equal(bucketCounts.length, explicitBounds.length + 1);
    assert.equal(
      bucketCounts.map(Number).reduce((sum, each) => sum + each),
      Number(count),
    );
  }
  const traces = new Set(spans.map(({ traceId }) => traceId));
  for (const { exemplars = [] } of durations)
    for (const { traceId } of exemplars) assert.ok(traces.has(traceId), traceId);
  assert.deepEqual(
    umay.log.filter(({ msg }) => msg.startsWith("telemetry")),
    [],
  );
});
