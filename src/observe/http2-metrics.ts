/** Of clients that speak HTTP: of their connections, and of the streams of HTTP/2. */
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
} as const;
