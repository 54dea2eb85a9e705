import type { Reason } from "./reasons.ts";

/** Why a backend could not be connected. */
export const connectFailures = {
  refused: { origin: "backend", retryable: true, text: "nothing listens there (ECONNREFUSED)" },
  timeout: { origin: "backend", retryable: true, text: "no answer within connect.timeout" },
  unreachable: { origin: "backend", retryable: true, text: "no route to the host or network" },
  reset: { origin: "backend", retryable: true, text: "reset while connecting" },
  starttls: {
    origin: "backend",
    retryable: true,
    text: "it was asked to begin TLS and did not agree; the session's log line says how",
  },
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
    text: "its certificate has none of the names that are verified",
  },
  tls_pin: {
    origin: "backend",
    retryable: true,
    text: "its certificate's key is none of the pool's tls.pins",
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
  http2: {
    origin: "backend",
    retryable: true,
    text: "it does not speak HTTP/2, which its pool's http.version asks for, or takes no requests; the request's log line says how",
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
