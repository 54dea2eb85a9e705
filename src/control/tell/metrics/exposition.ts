import { inPieces } from "../../../lib/long-text.ts";
import { type MetricName, metrics } from "../../../observe/metrics.ts";
import { type MetricsInput, steady } from "../readings.ts";
import { collectors } from "./collectors.ts";
import type { Collector, Sample } from "./samples.ts";

/** A metric as it is written out. */
interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly values: () => ReturnType<Collector>;
}

/** The library's own metrics of the process and of the main thread. Start-up does not wait for it: the first scrape does. */
let loading: Promise<InstanceType<typeof import("@prometheus-io/client").Registry>> | undefined;

/** Metrics of the library whose names break the rules of Prometheus; each says what another one says, too. */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
  "nodejs_eventloop_utilization_histogram",
  "nodejs_eventloop_utilization_summary",
];

async function load(): NonNullable<typeof loading> {
  const { Registry, collectDefaultMetrics } = (await import("@prometheus-io/client")).default;
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  for (const name of misnamed) ofProcess.removeSingleMetric(name);
  return ofProcess;
}

/**
 * Everything that `/metrics` serves. The text is made when it is asked for, piece by piece.
 * @param accept the request's header; it chooses between the Prometheus text format 0.0.4 and OpenMetrics 1.0.0.
 */
export async function exposition(
  input: MetricsInput,
  accept: string,
): Promise<{ readonly contentType: string; readonly body: AsyncIterable<string> }> {
  loading ??= load();
  const library = (await (await loading).getMetricsAsJSON()) as unknown as (Omit<Family, "values"> & {
    readonly values: readonly Sample[];
  })[];
  const source = steady(input);
  const all: Family[] = [
    ...(Object.keys(metrics) as MetricName[]).map((name) => ({
      ...metrics[name],
      name,
      values: () => collectors[name](source),
    })),
    ...library.map((metric) => ({ ...metric, values: () => metric.values })),
  ];
  return prefersOpenMetrics(accept)
    ? {
        contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
        body: inPieces(written(all.map(asOpenMetrics), "_total", "# EOF\n")),
      }
    : { contentType: "text/plain; version=0.0.4; charset=utf-8", body: inPieces(written(all)) };
}

/** @param ending of the names of counters' samples. @param last the line that ends it. */
function* written(families: readonly Family[], ending = "", last = ""): Generator<string> {
  for (const { name, type, help, values } of families) {
    yield `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
    const ownName = type === "counter" ? name + ending : name;
    for (const some of values()) {
      if ("value" in some) yield lineOf(some, ownName);
      else {
        let lines = "";
        for (const sample of some) lines += lineOf(sample, ownName);
        yield lines;
      }
    }
  }
  yield last;
}

function lineOf({ metricName, labels, value }: Sample, name: string): string {
  let line = metricName ?? name;
  let before = "{";
  for (const label in labels) {
    line += `${before}${label}="${escaped(String(labels[label]))}"`;
    before = ",";
  }
  return `${line}${before === "{" ? "" : "}"} ${Number.isFinite(value) ? value : notFinite(value)}\n`;
}

const notFinite = (value: number): string => (Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");

/** The value of a label (text format 0.0.4, "Comments, help text, and type information"). */
const escaped = (text: string): string =>
  /[\\"\n]/.test(text) ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : text;

/**
 * An OpenMetrics counter's family lacks the `_total` of its samples, which the library adds. Where that would be the name
 * of a gauge (connections so far, connections now), the counter keeps its name and goes without a type.
 */
function asOpenMetrics(metric: Family): Family {
  if (metric.type !== "counter") return metric;
  const family = metric.name.replace(/_total$/, "");
  return family in metrics ? { ...metric, type: "unknown" } : { ...metric, name: family };
}

/** Whether a client likes OpenMetrics at least as well as plain text (RFC 9110 section 12.5.1). */
function prefersOpenMetrics(accept: string): boolean {
  let openMetrics = 0;
  let text = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const weight = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    if (type === "application/openmetrics-text") openMetrics = Math.max(openMetrics, weight);
    else if (type === "text/plain") text = Math.max(text, weight);
  }
  return openMetrics > 0 && openMetrics >= text;
}
