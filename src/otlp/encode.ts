import type { SpanRecord } from "../model/tracing.ts";
import type { Part } from "./exporter.ts";

/*
 * OTLP with JSON (OpenTelemetry protocol 1.5): numbers of 64 bits are texts, bytes are hexadecimal digits.
 */

type Value =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number };

export interface Attribute {
  readonly key: string;
  readonly value: Value;
}

export const attributesFrom = (values: Readonly<Record<string, string | number>>): readonly Attribute[] =>
  Object.entries(values).map(([key, value]) => ({ key, value: valueFrom(value) }));

function valueFrom(value: string | number): Value {
  if (typeof value === "string") return { stringValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** In milliseconds since 1970; becomes nanoseconds. */
export const nanoseconds = (time: number): string => String(BigInt(Math.round(time * 1_000)) * 1_000n);

/** The thing that reports, and the part of it. */
export interface Origin {
  readonly resource: Readonly<Record<string, string | number>>;
  readonly scope: { readonly name: string; readonly version: string };
}

/** SPAN_KIND_SERVER, STATUS_CODE_ERROR. */
const server = 2;
const failed = 2;
/** Of a recorded span: it is, and whether its parent is another program's is known; and that it is. */
const recorded = 0x101;
const parentIsRemote = 0x200;

export function encodeSpans({ resource, scope }: Origin, spans: readonly SpanRecord[]) {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesFrom(resource) },
        scopeSpans: [{ scope, spans: spans.map(encodeSpan) }],
      },
    ],
  };
}

function encodeSpan(span: SpanRecord) {
  const { traceId, spanId, parentId, traceState, name, error } = span;
  const attributes = error === "" ? span.attributes : { ...span.attributes, "error.type": error };
  return {
    traceId,
    spanId,
    ...(parentId !== "" && { parentSpanId: parentId }),
    ...(traceState !== "" && { traceState }),
    name,
    kind: server,
    flags: parentId === "" ? recorded : recorded | parentIsRemote,
    startTimeUnixNano: nanoseconds(span.began),
    endTimeUnixNano: nanoseconds(span.ended),
    attributes: attributesFrom(attributes),
    ...(error !== "" && { status: { code: failed, message: error } }),
  };
}

/** One value of a metric, as Prometheus has it. */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly metricName?: string;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly unit: string;
  readonly samples: Iterable<MetricSample>;
}

/** A request whose trace shows what a bucket of a histogram means. */
export interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
  /** In the histogram's unit. */
  readonly value: number;
  readonly traceId: string;
  readonly spanId: string;
  /** In milliseconds since 1970. */
  readonly at: number;
}

const units: Readonly<Record<string, string>> = { seconds: "s", bytes: "By" };
/** AGGREGATION_TEMPORALITY_CUMULATIVE. */
const cumulative = 2;

/** Points of one report: collectors refuse bodies of more than 20 MiB, and take one of this size in milliseconds. */
const mostPoints = 5_000;

/**
 * All metrics as reports of a bounded size, each made when it is asked for.
 * @param exemplars by the name of a histogram. @param times began of the process, and now, in milliseconds since 1970.
 */
export function* encodeMetrics(
  origin: Origin,
  families: Iterable<MetricFamily>,
  exemplars: ReadonlyMap<string, readonly Exemplar[]>,
  { began, now }: { readonly began: number; readonly now: number },
): Generator<Part> {
  const times = { startTimeUnixNano: nanoseconds(began), timeUnixNano: nanoseconds(now) };
  let metrics: object[] = [];
  let count = 0;
  for (const family of families) {
    let dataPoints: object[] = [];
    for (const point of pointsOf(family, times, exemplars.get(family.name) ?? [])) {
      if (dataPoints.length === 0) metrics.push(metricOf(family, dataPoints));
      dataPoints.push(point);
      if (++count < mostPoints) continue;
      yield { body: reportOf(origin, metrics), count };
      metrics = [];
      dataPoints = [];
      count = 0;
    }
  }
  if (count > 0) yield { body: reportOf(origin, metrics), count };
}

const reportOf = ({ resource, scope }: Origin, metrics: readonly object[]): object => ({
  resourceMetrics: [
    { resource: { attributes: attributesFrom(resource) }, scopeMetrics: [{ scope, metrics }] },
  ],
});

type Times = { readonly startTimeUnixNano: string; readonly timeUnixNano: string };

function metricOf({ name, help, unit, type }: MetricFamily, dataPoints: readonly object[]): object {
  const metric = { name, description: help, unit: units[unit] ?? "1" };
  if (type === "gauge") return { ...metric, gauge: { dataPoints } };
  const sums = { aggregationTemporality: cumulative, dataPoints };
  return type === "histogram"
    ? { ...metric, histogram: sums }
    : { ...metric, sum: { ...sums, isMonotonic: true } };
}

function* pointsOf(
  { type, name, samples }: MetricFamily,
  times: Times,
  exemplars: readonly Exemplar[],
): Generator<object> {
  if (type === "histogram") return yield* histogramPoints(name, samples, times, exemplars);
  for (const { labels, value } of samples)
    yield { attributes: attributesFrom(labels), ...times, asDouble: value };
}

/** Prometheus counts up over the buckets; here each bucket has its own count. Samples of a series are together, the count last. */
function* histogramPoints(
  name: string,
  samples: Iterable<MetricSample>,
  times: Times,
  exemplars: readonly Exemplar[],
): Generator<object> {
  const bySeries = Map.groupBy(exemplars, ({ labels }) => JSON.stringify(labels));
  let [explicitBounds, bucketCounts, below, sum] = [[] as number[], [] as string[], 0, 0];
  for (const { metricName, labels, value } of samples) {
    if (metricName === `${name}_sum`) sum = value;
    if (metricName === `${name}_bucket`) {
      if (labels["le"] !== "+Inf") explicitBounds.push(Number(labels["le"]));
      bucketCounts.push(String(value - below));
      below = value;
    }
    if (metricName !== `${name}_count`) continue;
    yield {
      attributes: attributesFrom(labels),
      ...times,
      count: String(value),
      sum,
      explicitBounds,
      bucketCounts,
      exemplars: bySeries.size === 0 ? [] : (bySeries.get(JSON.stringify(labels)) ?? []).map(encodeExemplar),
    };
    [explicitBounds, bucketCounts, below, sum] = [[], [], 0, 0];
  }
}

const encodeExemplar = ({ value, traceId, spanId, at }: Exemplar): object => ({
  timeUnixNano: nanoseconds(at),
  asDouble: value,
  traceId,
  spanId,
});
