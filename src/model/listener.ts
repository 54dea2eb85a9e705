import type { SocketAddress } from "../lib/address.ts";
import type { Cidr } from "../lib/cidr.ts";
import type { SocketRights } from "../lib/socket-file.ts";
import type { WantedCertificates } from "./acme.ts";
import type { Chain } from "./chain.ts";
import type { ClientAuth } from "./client-auth.ts";
import type { Certificate, TicketKeys } from "./material.ts";

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** Protocols that begin in the clear and that umay can begin TLS in. */
export type StartTls = "postgres";

export interface SessionTickets {
  /** How long a key that umay makes is used, in milliseconds. */
  readonly rotate: number;
  /** A key from elsewhere instead, so that machines can share it; undefined: umay makes its own. */
  readonly keys: TicketKeys | undefined;
}

export interface ListenerTls {
  /** Unique within its listener: chains refer to it. */
  readonly name: string;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL cipher names, colon-separated, TLS 1.3 suites included. */
  readonly ciphers: string;
  /** Key-exchange groups in order of preference. */
  readonly groups: readonly string[];
  /** Application protocols in order of preference; empty: ALPN is not negotiated. */
  readonly alpn: readonly string[];
  /** Those of `acme` that there are stand at the end. Empty only with `acme`. */
  readonly certificates: readonly Certificate[];
  /** The certificates that umay gets itself; undefined: none. */
  readonly acme?: WantedCertificates;
  /** The protocol that begins in the clear and asks for TLS; undefined: TLS begins at once. */
  readonly starttls?: StartTls;
  /** Whether clients of that protocol that go on without TLS are served too, by chains without TLS. */
  readonly passesPlain?: boolean;
  /** Refuse clients that ask for a name that no certificate covers, or for no name. */
  readonly strictSni: boolean;
  /** Undefined: clients are not asked for a certificate. */
  readonly clientAuth: ClientAuth | undefined;
  /** How sessions are resumed (RFC 8446 section 2.2, RFC 5077); undefined: they are not. */
  readonly sessionTickets: SessionTickets | undefined;
}

/** How fast one client address may connect: a token bucket. */
export interface ConnectionRate {
  /** Per period. */
  readonly connections: number;
  /** In milliseconds. */
  readonly period: number;
  /** Connections that are admitted at once after a pause, at least 1. */
  readonly burst: number;
}

/** The rules by which a listener refuses connections as soon as it has accepted them. IPv6 clients count by their /64. */
export interface ListenerLimits {
  /** Empty: every client. */
  readonly allow: readonly Cidr[];
  /** Wins over `allow`. */
  readonly deny: readonly Cidr[];
  /** Undefined: no limit. */
  readonly maxConnectionsPerIp: number | undefined;
  /** Undefined: no limit. */
  readonly connectionRatePerIp: ConnectionRate | undefined;
  /** The most handshakes in each worker at a time. */
  readonly maxHandshakes: number;
}

/** An address that clients connect to. */
export interface Listener {
  readonly name: string;
  readonly bind: SocketAddress;
  /** Of the file, where `bind` is a unix socket. */
  readonly socket: SocketRights | undefined;
  /**
   * The chains of its connections: the first that matches. Every connection finds one: the last one of those that
   * terminate TLS, and of those for clients without TLS, has no condition. After a handshake the choice is made again among
   * the chains with the same TLS settings; the last of those takes what the others leave.
   */
  readonly chains: readonly Chain[];
  /** Whether clients may speak TLS, HTTP/1, HTTP/2 or anything else on this port, told apart by their first bytes. */
  readonly detect: boolean;
  /** Undefined when clients connect without a proxy in front. */
  readonly proxyProtocol:
    | {
        /** Proxies whose header is believed; other peers are refused. */
        readonly trust: readonly Cidr[];
        /** Time to send the header, in milliseconds. */
        readonly timeout: number;
      }
    | undefined;
  /**
   * How chains with `terminate` end TLS, by name; empty: none does. They stand apart from chains so that a change of one
   * leaves the other, with its certificates, as it is.
   */
  readonly tls: readonly ListenerTls[];
  /** The most connections at a time; undefined: only the process's limit counts. */
  readonly maxConnections: number | undefined;
  readonly limits: ListenerLimits;
  /** In milliseconds. For the first bytes, and then for the rest of the handshake. */
  readonly timeouts: { readonly handshake: number };
}

/** The TLS settings of a chain; undefined: it terminates none, or names settings that there are not. */
export const tlsOf = (
  { tls }: Pick<Listener, "tls">,
  chain: Pick<Chain, "tls" | "settings">,
): ListenerTls | undefined =>
  chain.tls === "terminate" ? tls.find(({ name }) => name === chain.settings) : undefined;
