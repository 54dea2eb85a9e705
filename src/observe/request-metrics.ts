/** Of requests that are sent again, and of those that are refused because of load. */
export const requestMetrics = {
  umay_request_retries_total: {
    type: "counter",
    help: "Requests that were sent once more after a backend may have had them, by what had gone wrong.",
    labels: ["pool", "reason"],
    unit: "",
  },
  umay_request_retries_refused_total: {
    type: "counter",
    help: "Requests that failed in a way that retry.on has and were not sent once more, by the reason.",
    labels: ["pool", "reason"],
    unit: "",
  },
  umay_backend_idle_connections: {
    type: "gauge",
    help: "Connections of HTTP/1 to a backend that are kept for a next request; they hold no place at it.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_mirrored_requests_total: {
    type: "counter",
    help: "Copies of requests for a pool: answered, failed, dropped because they were too slow, or not made because of the limit.",
    labels: ["pool", "result"],
    unit: "",
  },
  umay_rate_limit_store_up: {
    type: "gauge",
    help: "1 while a store of rate limits takes counts; 0: each machine counts for itself.",
    labels: ["store"],
    unit: "",
  },
  umay_rate_limit_unshared_total: {
    type: "counter",
    help: "Requests that a rate limit let through and that its store, and so other machines, were not told of.",
    labels: ["limit"],
    unit: "",
  },
  umay_worker_shed_ratio: {
    type: "gauge",
    help: "The share of new requests that a worker refuses because its event loop is late, 0 to 1.",
    labels: ["worker"],
    unit: "",
  },
  umay_memory_short: {
    type: "gauge",
    help: "1 while new requests are refused because the process uses more than overload.memory, else 0.",
    labels: [],
    unit: "",
  },
} as const;
