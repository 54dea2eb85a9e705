/** The side that caused it. */
export type Origin = "client" | "umay" | "backend";

export interface Reason {
  readonly origin: Origin;
  /** For documentation and for `msg` in the log. */
  readonly text: string;
}

/** How a session can end: the `reason` of its log line. Codes are stable; new ones may be added. */
export const endReasons = {
  client_closed: { origin: "client", text: "the client closed first, and both directions ended cleanly" },
  backend_closed: { origin: "backend", text: "the backend closed first, and both directions ended cleanly" },
  client_reset: {
    origin: "client",
    text: "the client reset the connection, or vanished; the backend was reset too",
  },
  backend_reset: {
    origin: "backend",
    text: "the backend reset the connection, perhaps after the client had ended: umay cannot know whether more was to come; the client was reset too",
  },
  client_tls_error: {
    origin: "client",
    text: "TLS with the client broke after the handshake; a backend that it had was reset",
  },
  backend_tls_error: {
    origin: "backend",
    text: "TLS with the backend broke after the handshake (tls_error says how); the client was reset",
  },
  client_gone: { origin: "client", text: "the client went away before a backend was connected" },
  proxy_header: {
    origin: "client",
    text: "no readable PROXY protocol header came in time; proxy_error says why",
  },
  denied: {
    origin: "client",
    text: "behind a proxy: the client's address is in deny, or not in allow",
  },
  max_connections_per_ip: {
    origin: "client",
    text: "behind a proxy: the client's address has max_connections_per_ip open",
  },
  connection_rate_per_ip: {
    origin: "client",
    text: "behind a proxy: the client's address connects faster than connection_rate_per_ip",
  },
  no_chain: { origin: "umay", text: "no chain of the listener takes such a connection" },
  handshake_failed: { origin: "client", text: "the TLS handshake failed; tls_error says why" },
  handshake_timeout: { origin: "client", text: "the client did not finish the TLS handshake in time" },
  acme_validation: {
    origin: "client",
    text: "a certificate authority looked for the answer of a tls-alpn-01 challenge; it may leave before the handshake is over",
  },
  no_backend: { origin: "umay", text: "no backend of the pool may be picked" },
  queue_full: { origin: "umay", text: "every backend was full, and so was the pool's queue" },
  queue_timeout: { origin: "umay", text: "no backend had room within queue.timeout" },
  retry_budget: {
    origin: "umay",
    text: "a backend could not be connected, and the pool's retry budget was used up; attempts says more",
  },
  connect_failed: { origin: "backend", text: "no backend could be connected; attempts says why" },
  idle_timeout: { origin: "umay", text: "no byte moved in either direction for the idle timeout" },
  max_age: {
    origin: "umay",
    text: "the session was as old as max_connection_age lets it be, and quiet, or too old; reset",
  },
  half_close_timeout: { origin: "umay", text: "one direction had ended and the other did not end in time" },
  client_stalled: {
    origin: "client",
    text: "bytes waited for the client, which took none of them for timeouts.stall; reset",
  },
  backend_stalled: {
    origin: "backend",
    text: "bytes waited for the backend, which took none of them for timeouts.stall; reset",
  },
  client_tls_flood: {
    origin: "client",
    text: "the client sent more than 64 KiB of TLS that carried no data, such as key updates; reset",
  },
  backend_tls_flood: {
    origin: "backend",
    text: "the backend sent more than 64 KiB of TLS that carried no data, such as key updates; reset",
  },
  drain_deadline: { origin: "umay", text: "still open when shutdown.timeout ended; reset" },
  backend_drained: {
    origin: "umay",
    text: "its backend was drained by hand, or had left the pool, and the drain's time was over; reset",
  },
  killed: { origin: "umay", text: "it was ended by hand, with umay kill; reset" },
  stopped: { origin: "umay", text: "umay was told to stop at once; reset" },
  worker_died: {
    origin: "umay",
    text: "a defect of umay ended the worker that served it; reset, or closed by the system where the worker could not act any more",
  },
  last_answer: {
    origin: "umay",
    text: "HTTP: closed behind an answer that was to be the connection's last",
  },
  keep_alive: { origin: "umay", text: "HTTP: no further request came within timeouts.keep_alive" },
  http2_error: {
    origin: "client",
    text: "HTTP/2: the client broke a rule or a limit of the protocol; http_error says which",
  },
  ping_timeout: { origin: "client", text: "HTTP/2: no answer to a PING within http2.ping.timeout" },
  request_cut: { origin: "umay", text: "HTTP: a request could not be answered in full; reset" },
} as const satisfies Record<string, Reason>;

export type EndReason = keyof typeof endReasons;

/** Why a connection was refused as soon as it was accepted. */
export const rejectReasons = {
  max_connections: { origin: "umay", text: "the listener has max_connections open" },
  proxy_untrusted: { origin: "client", text: "the peer is not in proxy_protocol.trust" },
  file_descriptors: {
    origin: "umay",
    text: "another session could need more files than the process may open",
  },
  denied: { origin: "client", text: "the client's address is in deny, or not in allow" },
  max_connections_per_ip: {
    origin: "client",
    text: "the client's address has max_connections_per_ip open",
  },
  connection_rate_per_ip: {
    origin: "client",
    text: "the client's address connects faster than connection_rate_per_ip",
  },
  handshakes: { origin: "umay", text: "the worker has max_handshakes under way" },
} as const satisfies Record<string, Reason>;

export type RejectReason = keyof typeof rejectReasons;
/** Reasons about a client's address. That may come only with a PROXY header; then a session ends for the same reason. */
export type AddressRefusal = RejectReason & EndReason;

/** How a TLS handshake can end. */
export const handshakeResults = {
  ok: { origin: "client", text: "completed" },
  timeout: { origin: "client", text: "not finished within timeouts.handshake" },
  client_gone: { origin: "client", text: "the client closed or reset the connection" },
  not_tls: {
    origin: "client",
    text: "the first bytes are not TLS; a request over HTTP is answered with status 400",
  },
  protocol_version: { origin: "client", text: "no TLS version in common" },
  no_shared_cipher: { origin: "client", text: "no cipher, group or signature algorithm in common" },
  no_application_protocol: { origin: "client", text: "no ALPN protocol in common" },
  unknown_name: {
    origin: "client",
    text: "strict_sni: no certificate covers the name that the client asked for",
  },
  no_certificate: {
    origin: "umay",
    text: "tls.acme: the certificate for the name that the client asked for is not there yet",
  },
  client_certificate_missing: {
    origin: "client",
    text: "client_auth requires a client certificate, and the client sent none",
  },
  client_certificate_invalid: {
    origin: "client",
    text: "the client's certificate did not pass: expired, revoked, of an unknown CA; tls_error says why",
  },
  client_certificate_curve: {
    origin: "client",
    text: "over TLS 1.2 the client's certificate has a key on a curve that is not in groups; add it there, or have the client use TLS 1.3",
  },
  client_not_allowed: {
    origin: "client",
    text: "the client's certificate is good, but no rule of client_auth.allow lets it in",
  },
  client_alert: {
    origin: "client",
    text: "the client refused with an alert, often because it does not trust the certificate",
  },
  failed: { origin: "client", text: "anything else; the debug log has OpenSSL's words" },
} as const satisfies Record<string, Reason>;

export type HandshakeResult = keyof typeof handshakeResults;

/**
 * How a request of HTTP can end: the `reason` of its log line. `status` is that of umay's own answer, which the client
 * gets while nothing of another answer has been sent; 0: there is no answer of umay's own. 503: nothing reached a backend.
 * 502: a backend had the request and broke it. 504: it had the request and was too slow.
 */
export const requestReasons = {
  served: { origin: "backend", status: 0, text: "a backend's answer was passed on, complete" },
  upgraded: {
    origin: "backend",
    status: 0,
    text: "the connection changed to another protocol, and has ended since",
  },
  answered: { origin: "umay", status: 0, text: "the route itself answered or redirected" },
  bad_request: {
    origin: "client",
    status: 400,
    text: "the request breaks the rules of HTTP; detail says which",
  },
  ambiguous_path: {
    origin: "client",
    status: 400,
    text: "a lax backend may read the path so that another route would take it",
  },
  host_missing: {
    origin: "client",
    status: 400,
    text: "the request names no host, which the redirect needs",
  },
  auth_required: {
    origin: "client",
    status: 401,
    text: "the client has not said who it is, or not so that it can be believed; detail says more",
  },
  auth_denied: {
    origin: "client",
    status: 403,
    text: "the client may not come in, whoever it is; detail says why",
  },
  rate_limited: {
    origin: "client",
    status: 429,
    text: "a rate limit of the route has no room for it; detail says which",
  },
  denied: { origin: "client", status: 403, text: "the route's allow or deny refuses the client's address" },
  client_unnamed: {
    origin: "client",
    status: 403,
    text: "no proxy named the client, as the listener wants it; detail has the field that was to",
  },
  upgrade_refused: {
    origin: "client",
    status: 403,
    text: "the route does not let connections change to that protocol",
  },
  no_host: { origin: "client", status: 404, text: "no route takes the request's host" },
  no_route: { origin: "client", status: 404, text: "none of the host's routes takes the request" },
  method_refused: { origin: "client", status: 405, text: "CONNECT and TRACE are not served" },
  request_timeout: {
    origin: "client",
    status: 408,
    text: "the request's head did not come within timeouts.request_header",
  },
  body_idle: {
    origin: "client",
    status: 408,
    text: "the request's body stood still for timeouts.body_idle",
  },
  body_too_slow: {
    origin: "client",
    status: 408,
    text: "the request's body came more slowly than min_body_rate",
  },
  body_too_large: { origin: "client", status: 413, text: "the request's body is larger than max_body" },
  target_too_long: { origin: "client", status: 414, text: "the request's target is longer than max_target" },
  misdirected: {
    origin: "client",
    status: 421,
    text: "the request's host is served over other connections than this one: they have another certificate, other terms of TLS, or other routes",
  },
  head_too_large: {
    origin: "client",
    status: 431,
    text: "the request's head is larger than max_request_head or has more than max_fields",
  },
  bad_rewrite: {
    origin: "umay",
    status: 500,
    text: "the route's rewrite makes something of the path that is no path",
  },
  invalid_backend: {
    origin: "umay",
    status: 500,
    text: "the route leads to something that cannot be had; detail says why",
  },
  backend_reset: { origin: "backend", status: 502, text: "the backend reset the connection" },
  backend_closed: {
    origin: "backend",
    status: 502,
    text: "the backend ended the connection before its answer was complete",
  },
  bad_response: {
    origin: "backend",
    status: 502,
    text: "the backend's answer breaks the rules of HTTP; detail says which",
  },
  response_head_too_large: {
    origin: "backend",
    status: 502,
    text: "the head of the backend's answer is larger than max_response_head",
  },
  response_too_large: {
    origin: "backend",
    status: 502,
    text: "the body of the backend's answer is larger than max_response; what had begun was cut",
  },
  retry_failed: {
    origin: "backend",
    status: 502,
    text: "a backend's answer was to be replaced by that of another attempt, which had no backend; detail says why",
  },
  upgrade_failed: {
    origin: "backend",
    status: 502,
    text: "the backend changed protocols without the Sec-WebSocket-Accept that the key asks for, or speaks HTTP/2 and offers no WebSocket (detail no_extended_connect)",
  },
  no_backend: { origin: "umay", status: 503, text: "no backend of the pool may be picked" },
  connect_failed: {
    origin: "backend",
    status: 503,
    text: "no backend could be connected; attempts says why",
  },
  backend_refused: { origin: "backend", status: 503, text: "HTTP/2: no backend looked at the request" },
  queue_full: { origin: "umay", status: 503, text: "every backend was full, and so was the pool's queue" },
  queue_timeout: { origin: "umay", status: 503, text: "no backend had room within queue.timeout" },
  retry_budget: {
    origin: "umay",
    status: 503,
    text: "a backend could not be connected, and the pool's retry budget was used up",
  },
  overloaded: {
    origin: "umay",
    status: 503,
    text: "umay has as many requests as it may, or is too busy; the answer says which, and the log has sums",
  },
  backend_drained: {
    origin: "umay",
    status: 502,
    text: "its backend was drained by hand, or had left the pool, and the drain's time was over",
  },
  auth_unavailable: {
    origin: "umay",
    status: 503,
    text: "it could not be found out whether the client may come in; detail says why",
  },
  fault_injected: {
    origin: "umay",
    status: 503,
    text: "a fault of the configuration answered in place of the backend",
  },
  processor_answered: {
    origin: "umay",
    status: 200,
    text: "a processor answered in place of the backend; detail says why",
  },
  processor_failed: {
    origin: "umay",
    status: 500,
    text: "a processor could not be asked, or made nothing good of the request or its answer; detail says why",
  },
  processor_timeout: {
    origin: "umay",
    status: 504,
    text: "a processor did not answer in time",
  },
  first_byte_timeout: {
    origin: "backend",
    status: 504,
    text: "the backend's answer did not begin within timeouts.first_byte",
  },
  try_timeout: {
    origin: "backend",
    status: 504,
    text: "the backend's answer did not begin within timeouts.try, and no other attempt was made",
  },
  request_timeout_backend: {
    origin: "backend",
    status: 504,
    text: "the answer was not complete within timeouts.request",
  },
  idle_timeout: {
    origin: "backend",
    status: 504,
    text: "no byte moved in either direction for timeouts.idle",
  },
  compression_failed: { origin: "umay", status: 500, text: "the answer could not be compressed: see detail" },
  client_reset: { origin: "client", status: 0, text: "the client reset the connection, or vanished" },
  drain_deadline: { origin: "umay", status: 0, text: "still under way when shutdown.timeout ended; reset" },
  killed: { origin: "umay", status: 0, text: "its connection was ended by hand, with umay kill; reset" },
  stopped: { origin: "umay", status: 0, text: "umay was told to stop at once; reset" },
  worker_died: { origin: "umay", status: 0, text: "a defect of umay ended the worker that served it; reset" },
} as const satisfies Record<string, Reason & { readonly status: number }>;

export type RequestReason = keyof typeof requestReasons;

/** @param otherwise where requests do not end for that reason. */
export const requestReasonOf = (reason: EndReason, otherwise: RequestReason): RequestReason =>
  reason in requestReasons ? (reason as RequestReason) : otherwise;
