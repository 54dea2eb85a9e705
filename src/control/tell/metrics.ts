import { setImmediate as turn } from "node:timers/promises";
import { type MetricName, metrics } from "../../observe/metrics.ts";
import { collectors } from "./collectors.ts";
import type { MetricsInput } from "./readings.ts";
import type { Sample } from "./samples.ts";

type Library = typeof import("@prometheus-io/client");
type Registry = InstanceType<Library["Registry"]>;

/** A metric as it is written out. */
interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly values: () => readonly Sample[];
}

/** The library with its own metrics of the process and of the main thread. Start-up does not wait for it: the first scrape does. */
let loading: Promise<{ Registry: Library["Registry"]; ofProcess: Registry }> | undefined;

/** Metrics of the library whose names break the rules of Prometheus; each says what another one says, too. */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
  "nodejs_eventloop_utilization_histogram",
  "nodejs_eventloop_utilization_summary",
];

async function load(): Promise<{ Registry: Library["Registry"]; ofProcess: Registry }> {
  const { Registry, collectDefaultMetrics } = (await import("@prometheus-io/client")).default;
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  for (const name of misnamed) ofProcess.removeSingleMetric(name);
  return { Registry, ofProcess };
}

/**
 * Everything that `/metrics` serves.
 * @param accept the request's header; it chooses between the Prometheus text format 0.0.4 and OpenMetrics 1.0.0.
 */
export async function exposition(
  input: MetricsInput,
  accept: string,
): Promise<{ readonly contentType: string; readonly body: string }> {
  loading ??= load();
  const { Registry, ofProcess } = await loading;
  const openMetrics = prefersOpenMetrics(accept);
  // One for each scrape: a registry that writes OpenMetrics renames its metrics for good.
  const registry = new Registry(
    openMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
  );
  const own = (Object.keys(metrics) as MetricName[]).map((name) => ({
    ...metrics[name],
    name,
    values: () => collectors[name](input),
  }));
  const library = (await ofProcess.getMetricsAsJSON()) as unknown as (Omit<Family, "values"> & {
    readonly values: readonly Sample[];
  })[];
  const all = [...own, ...library.map((metric) => ({ ...metric, values: () => metric.values }))];
  let before: Promise<void> = Promise.resolve();
  for (const metric of openMetrics ? all.map(asOpenMetrics) : all) {
    // One after the other: the values of a hundred thousand backends are not in memory at once, and others have their turns.
    const turned = before.then(() => turn());
    before = turned;
    const get = async (): Promise<object> => {
      await turned;
      return { ...metric, values: metric.values() };
    };
    // The registry asks a metric for nothing but this; its type names the library's own classes.
    registry.registerMetric({ ...metric, get } as unknown as InstanceType<Library["Gauge"]>);
  }
  return { contentType: registry.contentType, body: await registry.metrics() };
}

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
