import { hostname } from "node:os";
import { version } from "../../lib/version.ts";
import { loadWire } from "../../lib/wire.ts";
import type { OtlpSettings, SpanRecord } from "../../model/tracing.ts";
import type { Logger } from "../../observe/logger.ts";
import { type MetricName, metrics } from "../../observe/metrics.ts";
import { type Exemplar, encodeMetrics, encodeSpans, type Origin } from "../../otlp/encode.ts";
import { Exporter, type ExporterOptions } from "../../otlp/exporter.ts";
import { callOnce } from "../../otlp/grpc.ts";
import { readRefused, spansMessage } from "../../otlp/wire.ts";
import { collectors } from "./collectors.ts";
import type { MetricsInput } from "./readings.ts";

/** Time between two complaints, in milliseconds. */
const sayEvery = 60_000;
/** The histogram that spans are examples of, by their route. */
const traced = "umay_route_request_duration_seconds";
/** Routes that an exemplar is kept of. */
const mostExemplars = 1_000;
/** Reports that wait while another one is under way: each of metrics has all that the one before had. */
const mostWaiting = { spans: 8, metrics: 1 } as const;

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
  #lost = 0;

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
    const failed = (error: Error, lost: number): void => this.#complain(error, lost);
    this.#traces = new Exporter(settings.traces, {
      headers,
      failed,
      mostWaiting: mostWaiting.spans,
      ...(settings.protocol === "grpc" && { send: overGrpc(settings) }),
    });
    this.#metrics = new Exporter(settings.metrics, { headers, failed, mostWaiting: mostWaiting.metrics });
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
    this.#traces.send([encodeSpans(this.#origin, spans)], spans.length);
  }

  /** Sends what there is, and stops. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#timer !== undefined) this.#report();
    await Promise.all([this.#traces.end(), this.#metrics.end()]);
  }

  #report(): void {
    const families = (Object.keys(metrics) as MetricName[]).map((name) => ({
      ...metrics[name],
      name,
      samples: collectors[name](this.#input),
    }));
    const exemplars = new Map([[traced, [...this.#exemplars.values()]]]);
    const times = { began: this.#began, now: Date.now() };
    this.#metrics.send(encodeMetrics(this.#origin, families, exemplars, times), 1);
  }

  #complain(error: Error, lost: number): void {
    this.#lost += lost;
    const now = performance.now();
    if (now - this.#said < sayEvery) return;
    this.#said = now;
    this.#logger.warn(
      { err: error, lost: this.#lost },
      "telemetry can't be sent to the collector and is dropped",
    );
    this.#lost = 0;
  }
}
