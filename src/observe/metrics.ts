import { acmeMetrics } from "./acme-metrics.ts";
import { http2Metrics } from "./http2-metrics.ts";
import { listenerMetrics } from "./listener-metrics.ts";
import type { Metric } from "./metric.ts";
import { poolMetrics } from "./pool-metrics.ts";
import { requestMetrics } from "./request-metrics.ts";
import { xdsMetrics } from "./xds-metrics.ts";

/**
 * All of umay's own metrics, in the order in which they are served. Labels have values from the configuration, from
 * discovery and from fixed lists. A client never chooses the value of a label.
 */
export const metrics = {
  umay_build_info: {
    type: "gauge",
    help: "Always 1; the labels say which version and revision of umay runs on which version of Node.",
    labels: ["version", "revision", "node"],
    unit: "",
  },
  umay_ready: {
    type: "gauge",
    help: "1 while /readyz says that umay is ready for traffic, else 0.",
    labels: [],
    unit: "",
  },
  umay_connections: {
    type: "gauge",
    help: "Client connections that are open, over all listeners.",
    labels: [],
    unit: "",
  },
  umay_connections_limit: {
    type: "gauge",
    help: "How many client connections the limit on open files allows; more are refused.",
    labels: [],
    unit: "",
  },
  ...listenerMetrics,
  ...http2Metrics,
  ...requestMetrics,
  ...poolMetrics,
  umay_config_generation: {
    type: "gauge",
    help: "Number of the snapshot that is published; it rises with every change of configuration or backends.",
    labels: [],
    unit: "",
  },
  umay_config_reloads_total: {
    type: "counter",
    help: "Reloads of the configuration: applied, or failed and the last good one went on serving.",
    labels: ["result"],
    unit: "",
  },
  umay_config_last_reload_timestamp_seconds: {
    type: "gauge",
    help: "When the configuration was last put into service, by the start or a reload, in Unix time.",
    labels: [],
    unit: "seconds",
  },
  umay_config_last_reload_successful: {
    type: "gauge",
    help: "1 if the last reload could be served, or there was none; 0 if it failed.",
    labels: [],
    unit: "",
  },
  umay_certificate_not_after_timestamp_seconds: {
    type: "gauge",
    help: "When a certificate expires, in Unix time; of several with one subject, the first to expire.",
    labels: ["listener", "subject"],
    unit: "seconds",
  },
  umay_certificate_reloads_total: {
    type: "counter",
    help: "Changes to the files of a listener's TLS: applied, or failed and the last good ones went on serving.",
    labels: ["listener", "result"],
    unit: "",
  },
  ...acmeMetrics,
  ...xdsMetrics,
  umay_pool_certificate_not_after_timestamp_seconds: {
    type: "gauge",
    help: "When the certificate that a pool shows its backends expires, in Unix time.",
    labels: ["pool", "subject"],
    unit: "seconds",
  },
  umay_page_reloads_total: {
    type: "counter",
    help: "Renewals of the files that umay answers with itself: error pages and those of routes.",
    labels: ["result"],
    unit: "",
  },
  umay_auth_file_reloads_total: {
    type: "counter",
    help: "Renewals of what an auth has from a file, such as its users.",
    labels: ["auth", "result"],
    unit: "",
  },
  umay_pool_certificate_reloads_total: {
    type: "counter",
    help: "Changes to the files of a pool's TLS: applied, or failed and the last good ones stayed in use.",
    labels: ["pool", "result"],
    unit: "",
  },
  umay_workers: {
    type: "gauge",
    help: "Worker threads that carry the data plane.",
    labels: [],
    unit: "",
  },
  umay_worker_connections: {
    type: "gauge",
    help: "Client connections that a worker has open.",
    labels: ["worker"],
    unit: "",
  },
  umay_worker_restarts_total: {
    type: "counter",
    help: "Worker threads that died and were replaced.",
    labels: [],
    unit: "",
  },
  umay_worker_hangs_total: {
    type: "counter",
    help: "Worker threads that were ended because they hung; umay_worker_restarts_total counts them, too.",
    labels: [],
    unit: "",
  },
  umay_log_lines_dropped_total: {
    type: "counter",
    help: "Log lines that could not be written: disk full, reader gone, or reader too slow.",
    labels: [],
    unit: "",
  },
  umay_open_files: {
    type: "gauge",
    help: "Files and sockets that the process has open.",
    labels: [],
    unit: "",
  },
  umay_open_files_limit: {
    type: "gauge",
    help: "The most files and sockets that the process may have open.",
    labels: [],
    unit: "",
  },
} as const satisfies Record<`umay_${string}`, Metric>;

export type MetricName = keyof typeof metrics;

/** The table of all metrics for the documentation, in Markdown. */
export function metricsTable(): string {
  const rows = Object.entries<Metric>(metrics).map(([name, { type, labels, help }]) => {
    const labelNames = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${labelNames || "–"} | ${help} |`;
  });
  return ["| Metric | Type | Labels | Meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** The bounds of every histogram's buckets for the documentation, in Markdown. */
export function boundsTable(): string {
  const rows = Object.entries<Metric>(metrics).flatMap(([name, { bounds }]) =>
    bounds === undefined ? [] : [`| \`${name}\` | ${bounds.join(", ")} |`],
  );
  return ["| Histogram | Upper bounds of its buckets, in seconds |", "| --- | --- |", ...rows].join("\n");
}
