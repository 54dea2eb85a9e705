import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number>>;
}
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code: number };
}
interface Metric {
  readonly name: string;
  readonly histogram?: {
    readonly dataPoints: readonly {
      readonly count: string;
      readonly bucketCounts: readonly string[];
      readonly explicitBounds: readonly number[];
      readonly attributes: readonly Attribute[];
      readonly exemplars: readonly { readonly traceId: string }[];
    }[];
  };
  readonly sum?: { readonly dataPoints: readonly { readonly asDouble: number }[] };
}

/** The spans and metrics that a collector gets, and with which key. */
async function startCollector() {
  const spans: Span[] = [];
  const metrics: Metric[] = [];
  const keys = new Set<unknown>();
  const server = await startHttpBackend(async (request: IncomingMessage, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    keys.add(request.headers["x-key"]);
    const body = JSON.parse(text);
    if (request.url === "/v1/traces") spans.push(...body.resourceSpans[0].scopeSpans[0].spans);
    if (request.url === "/v1/metrics") metrics.push(...body.resourceMetrics[0].scopeMetrics[0].metrics);
    response.end("{}");
  });
  return { server, spans, metrics, keys };
}

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const parent = "00f067aa0ba902b7";

test("traces go on to the backend and to the collector, with metrics whose buckets have a trace to show", async () => {
  const collector = await startCollector();
  await using _ = collector.server;
  await using backend = await startHttpBackend(tellRequest("a"));
  await using umay = await startUmay(`
    workers = 2
    [otlp]
    endpoint = "http://${collector.server.address}/"
    headers = { x-key = "k" }
    percent = 0
    metrics_interval = "200ms"
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    forwarded = { trust = ["127.0.0.0/8"] }
    [listeners.strangers]
    bind = "127.0.0.1:0"
    mode = "http"
    [routes.all]
    pool = "app"
    [routes.always]
    path_prefix = "/always"
    pool = "app"
    trace = { percent = 100 }
    [pools.app]
    discovery = { type = "static", backends = ["${backend.address}"] }`);
  const seen = async (listener: string, path: string, headers: Readonly<Record<string, string>>) => {
    const { body } = await ask(umay.port(listener), { path, headers });
    return (JSON.parse(body) as { headers: Record<string, string> }).headers;
  };
  const sampled = { traceparent: `00-${trace}-${parent}-01`, tracestate: "a=1" };
  const known = await seen("web", "/known", sampled);
  assert.match(known["traceparent"]!, new RegExp(`^00-${trace}-(?!${parent})[0-9a-f]{16}-01$`));
  assert.equal(known["tracestate"], "a=1");
  const strange = await seen("strangers", "/strange", sampled);
  assert.match(strange["traceparent"]!, new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`));
  const fresh = await seen("strangers", "/always/a", { traceparent: "nonsense", tracestate: "b=2" });
  assert.match(fresh["traceparent"]!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  assert.equal(fresh["tracestate"], undefined);
  await becomes(
    () => collector.spans.length,
    (count) => count === 2,
    "spans",
  );
  const span = collector.spans.find(({ traceId }) => traceId === trace)!;
  const attributes = new Map(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  assert.deepEqual(
    [span.name, span.parentSpanId, span.spanId, span.status],
    ["GET all", parent, known["traceparent"]!.split("-")[2], undefined],
  );
  assert.deepEqual(
    ["http.request.method", "url.path", "http.response.status_code", "umay.pool"].map((key) =>
      attributes.get(key),
    ),
    ["GET", "/known", "200", "app"],
  );
  assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
  const line = await umay.logged(({ path }) => path === "/known");
  assert.equal(line["trace"], trace);
  const points = () =>
    collector.metrics
      .filter(({ name }) => name === "umay_route_request_duration_seconds")
      .flatMap(({ histogram }) => histogram!.dataPoints)
      .filter(({ count, exemplars }) => count === "2" && exemplars.length === 1);
  const [point] = await becomes(points, ({ length }) => length > 0, "a histogram with an exemplar");
  assert.equal(point!.exemplars[0]!.traceId, trace);
  assert.equal(point!.bucketCounts.length, point!.explicitBounds.length + 1);
  assert.equal(
    point!.bucketCounts.reduce((sum, count) => sum + Number(count), 0),
    2,
  );
  assert.deepEqual([...collector.keys], ["k"]);
});

test("a collector that is away costs a warning, and no request", async () => {
  await using backend = await startHttpBackend(tellRequest("a"));
  const away = await startHttpBackend(() => {});
  const { address } = away;
  await away[Symbol.asyncDispose]();
  await using umay = await startUmay(`
    workers = 1
    otlp = { endpoint = "http://${address}", percent = 100 }
    listeners.web = { bind = "127.0.0.1:0", mode = "http", pool = "app" }
    pools.app.discovery = { type = "static", backends = ["${backend.address}"] }`);
  assert.equal((await ask(umay.port("web"))).status, 200);
  umay.signal("SIGTERM");
  assert.equal(await umay.exited, 0);
  const warnings = umay.log.filter(({ msg }) => msg?.startsWith("telemetry can't be sent"));
  assert.deepEqual(new Set(warnings.map(({ level }) => level)), new Set(["warn"]));
  assert.equal(
    warnings.reduce((sum, line) => sum + Number(line["lost_spans"]), 0),
    1,
  );
});
