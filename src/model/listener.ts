import type { SocketAddress } from "../lib/address.ts";

/** A certificate chain with its key, read from disk and checked to belong together. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** The chain, leaf first, PEM. */
  readonly cert: string;
  readonly key: string;
  /** The leaf's subject, in one line. */
  readonly subject: string;
  /** Names that the leaf covers, lower case; a wildcard as `*.example.com`. */
  readonly names: readonly string[];
  /** When the leaf expires, in milliseconds since 1970. */
  readonly notAfter: number;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface ListenerTls {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL cipher names, colon-separated, TLS 1.3 suites included. */
  readonly ciphers: string;
  /** Key-exchange groups in order of preference. */
  readonly groups: readonly string[];
  /** Application protocols in order of preference; empty: ALPN is not negotiated. */
  readonly alpn: readonly string[];
  readonly certificates: readonly Certificate[];
  /** Whether sessions may be resumed (RFC 8446 section 2.2, RFC 5077). */
  readonly sessionTickets: boolean;
}

/** An address that clients connect to. */
export interface Listener {
  readonly name: string;
  readonly bind: SocketAddress;
  readonly mode: "tcp";
  readonly pool: string;
  /** Undefined: plain TCP. */
  readonly tls: ListenerTls | undefined;
  /** Most connections at a time; undefined: only the process's limit counts. */
  readonly maxConnections: number | undefined;
  /** In milliseconds. */
  readonly timeouts: { readonly handshake: number; readonly idle: number; readonly halfClose: number };
}
