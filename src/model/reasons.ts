/** The side that caused it. */
export type Origin = "client" | "umay" | "backend";

interface Reason {
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
  handshake_failed: { origin: "client", text: "the TLS handshake failed; tls_error says why" },
  handshake_timeout: { origin: "client", text: "the client did not finish the TLS handshake in time" },
  no_backend: { origin: "umay", text: "no backend of the pool may be picked" },
  queue_full: { origin: "umay", text: "every backend was full, and so was the pool's queue" },
  queue_timeout: { origin: "umay", text: "no backend had room within queue.timeout" },
  retry_budget: {
    origin: "umay",
    text: "a backend could not be connected, and the pool's retry budget was used up; attempts says more",
  },
  connect_failed: { origin: "backend", text: "no backend could be connected; attempts says why" },
  idle_timeout: { origin: "umay", text: "no byte moved in either direction for the idle timeout" },
  half_close_timeout: { origin: "umay", text: "one direction had ended and the other did not end in time" },
  client_stalled: {
    origin: "client",
    text: "bytes waited for the client, which took none of them for timeouts.stall; reset",
  },
  backend_stalled: {
    origin: "backend",
    text: "bytes waited for the backend, which took none of them for timeouts.stall; reset",
  },
  drain_deadline: { origin: "umay", text: "still open when shutdown.timeout ended; reset" },
  backend_drained: {
    origin: "umay",
    text: "its backend was drained by hand, or had left the pool, and the drain's time was over; reset",
  },
  stopped: { origin: "umay", text: "umay was told to stop at once; reset" },
  worker_died: {
    origin: "umay",
    text: "a defect of umay ended the worker that served it; reset, or closed by the system where the worker could not act any more",
  },
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

/** Why a backend could not be connected. */
export const connectFailures = {
  refused: { origin: "backend", retryable: true, text: "nothing listens there (ECONNREFUSED)" },
  timeout: { origin: "backend", retryable: true, text: "no answer within connect.timeout" },
  unreachable: { origin: "backend", retryable: true, text: "no route to the host or network" },
  reset: { origin: "backend", retryable: true, text: "reset while connecting" },
  not_tls: { origin: "backend", retryable: true, text: "its first bytes are not TLS, but its pool has tls" },
  tls_untrusted: {
    origin: "backend",
    retryable: true,
    text: "its certificate is not signed by a CA that its pool trusts",
  },
  tls_expired: {
    origin: "backend",
    retryable: true,
    text: "its certificate has expired, or is not valid yet",
  },
  tls_name: {
    origin: "backend",
    retryable: true,
    text: "its certificate does not cover the name that is verified",
  },
  tls_alert: {
    origin: "backend",
    retryable: true,
    text: "it refused the TLS handshake with an alert, often for want of a client certificate",
  },
  tls_closed: { origin: "backend", retryable: true, text: "closed or reset during the TLS handshake" },
  tls_timeout: {
    origin: "backend",
    retryable: true,
    text: "connected, but the TLS handshake was not over within connect.timeout",
  },
  tls: {
    origin: "backend",
    retryable: true,
    text: "anything else in the TLS handshake; the session's log line has OpenSSL's code",
  },
  drained: {
    origin: "umay",
    retryable: true,
    text: "the drain's time was over before the backend was connected",
  },
  no_port: { origin: "umay", retryable: true, text: "no local port left for this address (EADDRNOTAVAIL)" },
  file_descriptors: { origin: "umay", retryable: false, text: "the process may open no more files" },
  other: {
    origin: "backend",
    retryable: true,
    text: "anything else; the session's log line has the system's code",
  },
} as const satisfies Record<string, Reason & { readonly retryable: boolean }>;

export type ConnectFailure = keyof typeof connectFailures;
