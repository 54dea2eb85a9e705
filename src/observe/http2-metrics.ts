/** Of clients that speak HTTP: of their connections, and of the streams of HTTP/2. Then of backends that speak HTTP/2. */
export const http2Metrics = {
  umay_http_connections_total: {
    type: "counter",
    help: "Client connections that spoke HTTP, by version, 1.1 or 2; those that said nothing are left out.",
    labels: ["listener", "version"],
    unit: "",
  },
  umay_http2_streams_total: {
    type: "counter",
    help: "Requests that came over HTTP/2.",
    labels: ["listener"],
    unit: "",
  },
  umay_http2_streams: {
    type: "gauge",
    help: "Requests over HTTP/2 that are under way.",
    labels: ["listener"],
    unit: "",
  },
  umay_http2_resets_total: {
    type: "counter",
    help: "Streams of HTTP/2 that were reset, by the client or by umay.",
    labels: ["listener", "by"],
    unit: "",
  },
  umay_http2_glitches_total: {
    type: "counter",
    help: "Useless frames of HTTP/2, which no good client sends often.",
    labels: ["listener"],
    unit: "",
  },
  umay_http2_errors_total: {
    type: "counter",
    help: "Client connections that umay ended because of an error of HTTP/2, by its code. ENHANCE_YOUR_CALM is a flood.",
    labels: ["listener", "code"],
    unit: "",
  },
  umay_backend_http2_connections: {
    type: "gauge",
    help: "Connections to a backend that speak HTTP/2 and are open; they hold no place at it.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_http2_streams: {
    type: "gauge",
    help: "Requests over HTTP/2 to a backend that are under way.",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_http2_goaways_total: {
    type: "counter",
    help: "Connections of HTTP/2 on which a backend has said that it takes no more requests (GOAWAY).",
    labels: ["pool", "backend"],
    unit: "",
  },
  umay_backend_http2_resets_total: {
    type: "counter",
    help: "Requests over HTTP/2 whose stream was reset, by the backend or by umay, as for a client that went.",
    labels: ["pool", "backend", "by"],
    unit: "",
  },
} as const;
