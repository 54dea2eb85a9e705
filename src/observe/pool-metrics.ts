import { shortTimes } from "./metric.ts";

/** Of pools and their backends. */
export const poolMetrics = {
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
    help: "Attempts to connect a backend that failed. A series is there once one has failed for its reason.",
    labels: ["pool", "backend", "reason"],
    unit: "",
  },
  umay_pool_connect_failures_total: {
    type: "counter",
    help: "Attempts to connect that failed, of all backends of a pool, also of those that have left.",
    labels: ["pool"],
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
} as const;
