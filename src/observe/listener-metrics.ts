import { longTimes, requestTimes, shortTimes } from "./metric.ts";

/** Of clients: of listeners, their sessions and requests, routes and guards. */
export const listenerMetrics = {
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
} as const;
