import type { SpanRecord } from "../model/tracing.ts";

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

export function encodeSpans({ resource, scope }: Origin, spans: readonly SpanRecord[]): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesFrom(resource) },
        scopeSpans: [{ scope, spans: spans.map(encodeSpan) }],
      },
    ],
  };
}

function encodeSpan(span: SpanRecord): object {
  const { traceId, spanId, parentId, traceState, name, error } = span;
  const attributes = error === "" ? span.attributes : { ...span.attributes, "error.type": error };
  return {
    traceId,
    spanId,
    ...(parentId !== "" && { parentSpanId: parentId }),
    ...(traceState !== "" && { traceState }),
    name,
    kind: server,
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
  readonly samples: readonly MetricSample[];
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

/** @param began of the process, in milliseconds since 1970. @param exemplars by the name of a histogram. */
export function encodeMetrics(
  { resource, scope }: Origin,
  families: readonly MetricFamily[],
  exemplars: ReadonlyMap<string, readonly Exemplar[]>,
  { began, now }: { readonly began: number; readonly now: number },
): object {
  const times = { startTimeUnixNano: nanoseconds(began), timeUnixNano: nanoseconds(now) };
  const metrics = families
    .filter(({ samples }) => samples.length > 0)
    .map((family) => ({
      name: family.name,
      description: family.help,
      unit: units[family.unit] ?? "1",
      ...dataOf(family, times, exemplars.get(family.name) ?? []),
    }));
  return {
    resourceMetrics: [
      { resource: { attributes: attributesFrom(resource) }, scopeMetrics: [{ scope, metrics }] },
    ],
  };
}

type Times = { readonly startTimeUnixNano: string; readonly timeUnixNano: string };

function dataOf({ type, name, samples }: MetricFamily, times: Times, exemplars: readonly Exemplar[]): object {
  if (type === "histogram")
    return {
      histogram: {
        aggregationTemporality: cumulative,
        dataPoints: histogramPoints(name, samples, times, exemplars),
      },
    };
  const dataPoints = samples.map(({ labels, value }) => ({
    attributes: attributesFrom(labels),
    ...times,
    asDouble: value,
  }));
  return type === "gauge"
    ? { gauge: { dataPoints } }
    : { sum: { aggregationTemporality: cumulative, isMonotonic: true, dataPoints } };
}

/** Prometheus counts up over the buckets; here each bucket has its own count. */
function histogramPoints(
  name: string,
  samples: readonly MetricSample[],
  times: Times,
  exemplars: readonly Exemplar[],
): readonly object[] {
  const series = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  return [...series].map(([key, own]) => {
    const labels = JSON.parse(key) as Record<string, string>;
    const buckets = own.filter(({ metricName }) => metricName === `${name}_bucket`);
    const counts = buckets.map(({ value }, index) => value - (buckets[index - 1]?.value ?? 0));
    return {
      attributes: attributesFrom(labels),
      ...times,
      count: String(own.find(({ metricName }) => metricName === `${name}_count`)?.value ?? 0),
      sum: own.find(({ metricName }) => metricName === `${name}_sum`)?.value ?? 0,
      explicitBounds: buckets.slice(0, -1).map(({ labels: { le } }) => Number(le)),
      bucketCounts: counts.map(String),
      exemplars: exemplars
        .filter((each) => JSON.stringify(each.labels) === key)
        .map(({ value, traceId, spanId, at }) => ({
          timeUnixNano: nanoseconds(at),
          asDouble: value,
          traceId,
          spanId,
        })),
    };
  });
}
