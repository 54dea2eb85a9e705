import type { Skipped } from "../model/backend.ts";
import type { PickerType } from "../model/pool.ts";
import { type EndReason, endReasons } from "../model/reasons.ts";
import type { LineLogger } from "./worker-logger.ts";

/** One attempt to connect a backend. */
export interface AttemptRecord {
  /** The backend's address. */
  readonly backend: string;
  readonly ms: number;
  /** Why the attempt failed; undefined when it succeeded. */
  readonly error: string | undefined;
  /** Of the answer to a request, where it was to be decided whether to send that again. */
  readonly status?: number | undefined;
  /** Whether a request was sent again after it; `made`, or why not. */
  readonly retry?: string | undefined;
}

/** How the backend was chosen. */
export interface PickRecord {
  readonly picker: PickerType;
  /** The hashed value; undefined for pickers without a key. */
  readonly key: string | undefined;
  /** How many backends the pool had. */
  readonly candidates: number;
  /** Backends that the picker came to and could not take; undefined: none. */
  readonly skipped: readonly Skipped[] | undefined;
}

/** The content of a session's log line. The line has no field for an empty string or undefined. */
export interface SessionRecord {
  /** Of the session alone, also over restarts: `3fa9c1-1z`. */
  readonly id: string;
  /** `ip:port`, `[v6]:port`; empty for a unix socket's client. */
  readonly client: string;
  readonly listener: string;
  /** The server name that the client asked for. */
  readonly serverName: string;
  readonly alpn: string;
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly tlsVersion: string;
  /** Why the handshake failed. */
  readonly tlsError: string;
  /** The proxy in front, where a PROXY header named another client. */
  readonly via: string;
  /** Why no PROXY header could be read. */
  readonly proxyError: string;
  /** To be told of although its end is one that scanners cause. */
  readonly notable?: boolean;
  /** The peer ended without a byte, where a PROXY header was to come. */
  readonly silent?: boolean;
  /** Why a connection of HTTP/2 could not go on. */
  readonly httpError: string;
  /** Useless frames of HTTP/2 that came. */
  readonly glitches: number;
  /** The client's identity by its certificate. */
  readonly clientCertificate: string;
  readonly pool: string;
  /** The address of the backend that was connected. */
  readonly backend: string;
  /** Undefined when the session ended before a pick. */
  readonly pick: PickRecord | undefined;
  readonly attempts: readonly AttemptRecord[];
  /** Bytes from the client. */
  readonly received: number;
  /** Bytes to the client. */
  readonly sent: number;
  /** In milliseconds. */
  readonly handshake: number | undefined;
  /** Time in the pool's queue, in milliseconds. */
  readonly queue: number | undefined;
  /** Time of the attempt that succeeded, in milliseconds. */
  readonly connect: number | undefined;
  /** From accept to the last byte, in milliseconds. */
  readonly duration: number;
  readonly reason: EndReason;
  /** Requests of HTTP that came; undefined where it was relayed. */
  readonly requests: number | undefined;
}

/** The message of the lines of all sessions. */
const sessionMessage = "session";

/** Ends that scanners, port checks and floods cause by the thousand. */
const noise: ReadonlySet<EndReason> = new Set([
  "no_chain",
  "handshake_failed",
  "handshake_timeout",
  "acme_validation",
  "client_gone",
  "denied",
  "max_connections_per_ip",
  "connection_rate_per_ip",
]);

/**
 * Writes the line of an ended session: at level info, or debug where the client never got as far as a backend, unless
 * it was refused for its certificate.
 */
export function logSession(logger: LineLogger, record: SessionRecord): void {
  const isCommon = noise.has(record.reason) && record.clientCertificate === "" && record.notable !== true;
  const isNoise = isCommon || record.silent === true;
  // Its requests have lines of their own.
  const level = isNoise || record.requests !== undefined ? "debug" : "info";
  if (!logger.isLevelEnabled(level)) return;
  const { origin, text } = endReasons[record.reason];
  logger[level](
    {
      id: record.id,
      client: present(record.client),
      listener: record.listener,
      sni: present(record.serverName),
      alpn: present(record.alpn),
      tls: present(record.tlsVersion),
      tls_error: present(record.tlsError),
      client_cert: present(record.clientCertificate),
      via: present(record.via),
      proxy_error: present(record.proxyError),
      http_error: present(record.httpError),
      glitches: record.glitches || undefined,
      pool: present(record.pool),
      backend: present(record.backend),
      pick: record.pick,
      attempts: record.attempts.length === 0 ? undefined : record.attempts.map(rounded),
      received: record.received,
      sent: record.sent,
      handshake_ms: toMicroseconds(record.handshake),
      queue_ms: toMicroseconds(record.queue),
      connect_ms: toMicroseconds(record.connect),
      requests: record.requests,
      duration_ms: toMicroseconds(record.duration),
      reason: record.reason,
      origin,
      end: text,
    },
    sessionMessage,
  );
}

export const present = (text: string): string | undefined => (text === "" ? undefined : text);

export const rounded = (attempt: AttemptRecord): AttemptRecord => ({
  ...attempt,
  ms: Math.round(attempt.ms * 1000) / 1000,
});

/** Milliseconds with three decimals: more is noise. */
export function toMicroseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1000) / 1000;
}
