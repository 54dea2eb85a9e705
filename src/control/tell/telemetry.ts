import { hostname } from "node:os";
import { version } from "../../lib/version.ts";
import { loadWire } from "../../lib/wire.ts";
import type { OtlpSettings, SpanRecord } from "../../model/tracing.ts";
import type { Logger } from "../../observe/logger.ts";
import { type MetricName, metrics } from "../../observe/metrics.ts";
import {
  type Exemplar,
  encodeMetrics,
  encodeSpans,
  type MetricFamily,
  type Origin,
} from "../../otlp/encode.ts";
import { Exporter, type ExporterOptions, type Part } from "../../otlp/exporter.ts";
import { callOnce } from "../../otlp/grpc.ts";
import { readRefused, spansMessage } from "../../otlp/wire.ts";
import { collectors } from "./metrics/collectors.ts";
import { singly } from "./metrics/samples.ts";
import { type MetricsInput, steady } from "./readings.ts";

/** Time between two complaints, in milliseconds. */
const sayEvery = 60_000;
/** The histogram that spans are examples of, by their route. */
const traced = "umay_route_request_duration_seconds";
/** Routes that an exemplar is kept of. */
const mostExemplars = 1_000;
/** Spans that wait while others are under way, some megabytes; and reports of metrics: each has all that the one before had. */
const mostWaiting = { spans: 8_192, metrics: 1 } as const;

/** Sends spans in protobuf over gRPC. */
const overGrpc =
  ({ traces, headers }: OtlpSettings): NonNullable<ExporterOptions["send"]> =>
  async (body, signal) => {
    await loadWire();
    const message = spansMessage(body as ReturnType<typeof encodeSpans>);
    return readRefused(await callOnce(traces, message, headers, signal));
  };

/** Sends spans and metrics to a collector, from the main thread. */
export class Telemetry {
  readonly #logger: Logger;
  readonly #input: MetricsInput;
  readonly #origin: Origin;
  readonly #traces: Exporter;
  readonly #metrics: Exporter;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #began = Date.now() - process.uptime() * 1000;
  /** The last one of each route. */
  readonly #exemplars = new Map<string, Exemplar>();
  #said = Number.NEGATIVE_INFINITY;
  /** The last failure since something was said, and the losses. */
  #trouble: Error | undefined;
  readonly #lost = { spans: 0, points: 0 };

  constructor(settings: OtlpSettings, input: MetricsInput, logger: Logger) {
    this.#logger = logger;
    this.#input = input;
    const resource = {
      "service.name": settings.serviceName,
      "service.version": version,
      "service.instance.id": `${hostname()}-${process.pid}`,
      "host.name": hostname(),
      "process.pid": process.pid,
    };
    this.#origin = { resource, scope: { name: "umay", version } };
    const { headers } = settings;
    const failing = (what: "spans" | "points") => (error: Error, lost: number) => {
      this.#lost[what] += lost;
      this.#complain(error);
    };
    this.#traces = new Exporter(settings.traces, {
      headers,
      failed: failing("spans"),
      mostWaiting: mostWaiting.spans,
      ...(settings.protocol === "grpc" && { send: overGrpc(settings) }),
    });
    this.#metrics = new Exporter(settings.metrics, {
      headers,
      failed: failing("points"),
      mostWaiting: mostWaiting.metrics,
    });
    this.#timer =
      settings.interval === 0 ? undefined : setInterval(() => this.#report(), settings.interval).unref();
  }

  spans(spans: readonly SpanRecord[]): void {
    for (const { traceId, spanId, began, ended, attributes } of spans) {
      const route = String(attributes["umay.route"] ?? "");
      if (route === "" || (this.#exemplars.size >= mostExemplars && !this.#exemplars.has(route))) continue;
      this.#exemplars.set(route, {
        labels: { route },
        value: (ended - began) / 1000,
        traceId,
        spanId,
        at: ended,
      });
    }
    this.#traces.send(this.#spanParts(spans), spans.length);
  }

  /** Sends all that there is, and stops. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#timer !== undefined) this.#report();
    await Promise.all([this.#traces.end(), this.#metrics.end()]);
    this.#say();
  }

  #report(): void {
    this.#metrics.send(this.#metricParts(), 0);
  }

  *#spanParts(spans: readonly SpanRecord[]): Generator<Part> {
    yield { body: encodeSpans(this.#origin, spans), count: spans.length };
  }

  /** Read when they are sent: a report that waits has no values yet. */
  *#metricParts(): Generator<Part> {
    const exemplars = new Map([[traced, [...this.#exemplars.values()]]]);
    const times = { began: this.#began, now: Date.now() };
    yield* encodeMetrics(this.#origin, this.#families(), exemplars, times);
  }

  *#families(): Generator<MetricFamily> {
    const input = steady(this.#input);
    for (const name of Object.keys(metrics) as MetricName[])
      yield { ...metrics[name], name, samples: singly(collectors[name](input)) };
  }

  #complain(error: Error): void {
    this.#trouble = error;
    if (performance.now() - this.#said >= sayEvery) this.#say();
  }

  /** Tells of the failures that nobody was told of. */
  #say(): void {
    if (this.#trouble === undefined) return;
    const { spans, points } = this.#lost;
    this.#logger.warn(
      { err: this.#trouble, lost_spans: spans, lost_points: points },
      "telemetry can't be sent to the collector and is dropped",
    );
    this.#said = performance.now();
    this.#trouble = undefined;
    Object.assign(this.#lost, { spans: 0, points: 0 });
  }
}
