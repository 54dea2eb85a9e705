import type { SocketAddress } from "../lib/address.ts";
import type { Cidr } from "../lib/cidr.ts";
import type { ClientAuth } from "./client-auth.ts";
import type { Certificate, TicketKeys } from "./material.ts";

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface SessionTickets {
  /** How long a key that umay makes is used, in milliseconds. */
  readonly rotate: number;
  /** A key from elsewhere instead, so that machines can share it; undefined: umay makes its own. */
  readonly keys: TicketKeys | undefined;
}

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
  /** Refuse clients that ask for a name that no certificate covers, or for none. */
  readonly strictSni: boolean;
  /** Undefined: clients are not asked for a certificate. */
  readonly clientAuth: ClientAuth | undefined;
  /** How sessions are resumed (RFC 8446 section 2.2, RFC 5077); undefined: they are not. */
  readonly sessionTickets: SessionTickets | undefined;
}

/** What a client speaks, as far as its first bytes tell. */
export const protocols = ["tls", "http1", "http2", "other"] as const;
export type Protocol = (typeof protocols)[number];

/** Sends some of a listener's sessions to another pool. All of its conditions must hold; an empty one always does. */
export interface Route {
  /** Server names, lower case; `*.example.com` stands for every name below example.com. */
  readonly sni: readonly string[];
  /** Application protocols, one of which was negotiated, or is offered where TLS is passed through. */
  readonly alpn: readonly string[];
  /** Only where the listener detects protocols. */
  readonly protocol: readonly Protocol[];
  readonly pool: string;
  /** TLS goes on to the backend as it came. */
  readonly passthrough: boolean;
}

/** How fast one client address may connect: a token bucket. */
export interface ConnectionRate {
  /** Per period. */
  readonly connections: number;
  /** In milliseconds. */
  readonly period: number;
  /** Connections that may come at once after a pause, at least 1. */
  readonly burst: number;
}

/** Whom a listener refuses as soon as it has accepted. IPv6 clients count by their /64. */
export interface ListenerLimits {
  /** Empty: every client. */
  readonly allow: readonly Cidr[];
  /** Wins over `allow`. */
  readonly deny: readonly Cidr[];
  /** Undefined: no limit. */
  readonly maxConnectionsPerIp: number | undefined;
  /** Undefined: no limit. */
  readonly connectionRatePerIp: ConnectionRate | undefined;
  /** Handshakes that each worker has going on at a time. */
  readonly maxHandshakes: number;
}

/** An address that clients connect to. */
export interface Listener {
  readonly name: string;
  readonly bind: SocketAddress;
  /** passthrough: routed by the names in the client's hello, which goes on to the backend as it came. */
  readonly mode: "tcp" | "passthrough";
  /** Where everything goes that no route takes. */
  readonly pool: string;
  /** The first that matches wins. */
  readonly routes: readonly Route[];
  /** TLS or not, HTTP/1, HTTP/2 or anything else on one port: what is not TLS is relayed as it comes. */
  readonly detect: boolean;
  /** Undefined: connections come from the clients themselves. */
  readonly proxyProtocol:
    | {
        /** Peers that may speak for clients; others are refused. */
        readonly trust: readonly Cidr[];
        /** For the header, in milliseconds. */
        readonly timeout: number;
      }
    | undefined;
  /** Undefined: plain TCP. */
  readonly tls: ListenerTls | undefined;
  /** Most connections at a time; undefined: only the process's limit counts. */
  readonly maxConnections: number | undefined;
  readonly limits: ListenerLimits;
  /** In milliseconds. */
  readonly timeouts: { readonly handshake: number; readonly idle: number; readonly halfClose: number };
}
