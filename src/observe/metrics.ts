import { acmeMetrics } from "./acme-metrics.ts";
import { requestMetrics } from "./request-metrics.ts";

interface Metric {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Unit of the values; "" for a count, and for 0 or 1. */
  readonly unit: "" | "bytes" | "seconds";
  /** Upper bounds of a histogram's buckets in its unit, in rising order. */
  readonly bounds?: readonly number[];
}

/** Bounds for work that takes milliseconds when all is well. */
const shortTimes = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Bounds from a cached answer to a report that takes minutes. */
const requestTimes = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** Bounds from one request to a connection that lives for a day. */
const longTimes = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];

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
  umay_listener_connections_total: {
    type: "counter",
    help: "Client connections that were accepted and not refused.",
    labels: ["listener"],
    unit: "",
  },
  umay_listener_given_away_total: {
    type: "counter",
    help: "Client connections that a worker accepted and gave to another worker, which had clearly fewer.",
    labels: ["listener"],
    unit: "",
  },
  umay_listener_connections: {
    type: "gauge",
    help: "Client connections that are open.",
    labels: ["listener"],
    unit: "",
  },
  umay_listener_rejected_total: {
    type: "counter",
    help: "Client connections that were refused as soon as they were accepted.",
    labels: ["listener", "reason"],
    unit: "",
  },
  umay_sessions_ended_total: {
    type: "counter",
    help: "Sessions that ended, by the reason in their log line; connections whose handshake failed are included.",
    labels: ["listener", "reason"],
    unit: "",
  },
  umay_listener_received_bytes_total: {
    type: "counter",
    help: "Bytes from clients, without TLS's own.",
    labels: ["listener"],
    unit: "bytes",
  },
  umay_listener_sent_bytes_total: {
    type: "counter",
    help: "Bytes to clients, without TLS's own.",
    labels: ["listener"],
    unit: "bytes",
  },
  umay_tls_handshakes_total: {
    type: "counter",
    help: "TLS handshakes with clients that ended, by result; a failed one has no version.",
    labels: ["listener", "result", "version"],
    unit: "",
  },
  umay_tls_handshake_duration_seconds: {
    type: "histogram",
    help: "Time from accepting a connection to the end of its TLS handshake; failed handshakes are left out.",
    labels: ["listener"],
    unit: "seconds",
    bounds: shortTimes,
  },
  umay_session_duration_seconds: {
    type: "histogram",
    help: "Time from accepting a connection to its last byte; connections whose TLS handshake failed are left out.",
    labels: ["listener"],
    unit: "seconds",
    bounds: longTimes,
  },
  umay_requests_total: {
    type: "counter",
    help: "Requests of HTTP that are over: by the class of their answer's status, or by umay's own reason where no backend and no route answered.",
    labels: ["listener", "status"],
    unit: "",
  },
  umay_request_duration_seconds: {
    type: "histogram",
    help: "Time from a request's head to the last byte of its answer.",
    labels: ["listener"],
    unit: "seconds",
    bounds: requestTimes,
  },
  umay_route_requests_total: {
    type: "counter",
    help: "The same by route. Requests that no route took, or a listener's own pool, are left out.",
    labels: ["route", "status"],
    unit: "",
  },
  umay_route_requests: {
    type: "gauge",
    help: "Requests of a route that are under way.",
    labels: ["route"],
    unit: "",
  },
  umay_route_request_duration_seconds: {
    type: "histogram",
    help: "Time from a request's head to the last byte of its answer, by route.",
    labels: ["route"],
    unit: "seconds",
    bounds: requestTimes,
  },
  umay_auth_total: {
    type: "counter",
    help: "Requests that an auth has judged. unavailable: it could not be found out whether the client may come in.",
    labels: ["auth", "result"],
    unit: "",
  },
  umay_rate_limited_total: {
    type: "counter",
    help: "Requests that a rate limit had no room for.",
    labels: ["limit"],
    unit: "",
  },
  umay_first_byte_seconds: {
    type: "histogram",
    help: "Time from a request's head to the head of the backend's answer.",
    labels: ["pool"],
    unit: "seconds",
    bounds: requestTimes,
  },
  ...requestMetrics,
  umay_backend_connections_total: {
    type: "counter",
    help: "Connections to a backend that were established.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_connections: {
    type: "gauge",
    help: "Connections to a backend that are open or being established.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_connect_failures_total: {
    type: "counter",
    help: "Attempts to connect a backend that failed.",
    labels: ["pool", "backend", "reason"],
    unit: "",
  },
  umay_backend_connect_duration_seconds: {
    type: "histogram",
    help: "Time that it took to connect a backend; failed attempts are left out.",
    labels: ["pool"],
    unit: "seconds",
    bounds: shortTimes,
  },
  umay_backend_sent_bytes_total: {
    type: "counter",
    help: "Bytes to a backend, without TLS's own; of requests of HTTP the bodies, when they are over.",
    labels: ["pool", "backend"],
    unit: "bytes",
  },
  umay_backend_received_bytes_total: {
    type: "counter",
    help: "Bytes from a backend, without TLS's own; of responses of HTTP the bodies, when they are over.",
    labels: ["pool", "backend"],
    unit: "bytes",
  },
  umay_pool_retries_total: {
    type: "counter",
    help: "Attempts to connect another backend after one could not be connected.",
    labels: ["pool"],
    unit: "",
  },
  umay_pool_queue_sessions: {
    type: "gauge",
    help: "Sessions that wait for a backend: for room, for a place in the retry budget, or for a first check.",
    labels: ["pool"],
    unit: "",
  },
  umay_pool_queued_total: {
    type: "counter",
    help: "Times that a session had to wait for a backend.",
    labels: ["pool"],
    unit: "",
  },
  umay_pool_queue_duration_seconds: {
    type: "histogram",
    help: "Time that sessions waited for a backend, whether they got one or not; sessions that did not wait are left out.",
    labels: ["pool"],
    unit: "seconds",
    bounds: shortTimes,
  },
  umay_backend_up: {
    type: "gauge",
    help: "1 while a backend counts as healthy, 0 while it is down or ejected.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_draining: {
    type: "gauge",
    help: "1 while a backend gets no new sessions because it was drained by hand or has left its pool, else 0.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_health_changes_total: {
    type: "counter",
    help: "Times that active checks found a backend down, or up again.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_check_failures_total: {
    type: "counter",
    help: "Active checks of a backend that failed.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_ejections_total: {
    type: "counter",
    help: "Times that a backend was ejected because sessions failed on it.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_pool_panic: {
    type: "gauge",
    help: "1 while health is ignored, because fewer of a pool's backends are up than panic_threshold, else 0.",
    labels: ["pool"],
    unit: "",
  },
  umay_pool_backends: {
    type: "gauge",
    help: "Backends of a pool: up, checking, down, ejected or draining.",
    labels: ["pool", "state"],
    unit: "",
  },
  umay_discovery_errors_total: {
    type: "counter",
    help: "Times that discovery of a pool's backends failed.",
    labels: ["pool"],
    unit: "",
  },
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
  umay_pool_certificate_not_after_timestamp_seconds: {
    type: "gauge",
    help: "When the certificate that a pool shows its backends expires, in Unix time.",
    labels: ["pool", "subject"],
    unit: "seconds",
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
