/** Both ends included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** How a check speaks TLS. */
export interface CheckTls {
  /** Whether the certificate must be valid, trusted and for the right name. */
  readonly verify: boolean;
  /** What is trusted, PEM; undefined: the system's. */
  readonly ca: string | undefined;
  /** SNI and the name that is verified; undefined: none, and the address is verified. */
  readonly serverName: string | undefined;
}

/** What all kinds of checks have. */
interface CheckTiming {
  /** Between the starts of two checks of a backend, in milliseconds. */
  readonly interval: number;
  /** For one check, in milliseconds. */
  readonly timeout: number;
  /** Checks in a row that a backend that is down must pass to be up. */
  readonly rise: number;
  /** Checks in a row that a backend that is up must fail to be down. */
  readonly fall: number;
  /** An IP address instead of the backend's own. */
  readonly address: string | undefined;
  /** Instead of the backend's own. */
  readonly port: number | undefined;
  /** The PROXY protocol header that comes first; undefined: none. */
  readonly proxyProtocol: "v1" | "v2" | undefined;
}

export interface TcpCheckSpec extends CheckTiming {
  readonly type: "tcp";
}

export interface TlsCheckSpec extends CheckTiming {
  readonly type: "tls";
  readonly tls: CheckTls;
}

export interface HttpCheckSpec extends CheckTiming {
  readonly type: "http";
  /** Undefined: without TLS. */
  readonly tls: CheckTls | undefined;
  readonly method: string;
  readonly path: string;
  /** The Host header; undefined: the address that is checked. */
  readonly host: string | undefined;
  /** One of them must hold the answer's status. */
  readonly expectStatus: readonly StatusRange[];
  /** What the first 65,536 characters of the body must hold; undefined: anything. */
  readonly expectBody: string | undefined;
}

export interface GrpcCheckSpec extends CheckTiming {
  readonly type: "grpc";
  /** Undefined: without TLS. */
  readonly tls: CheckTls | undefined;
  /** The service that is asked for; empty: the server as a whole. */
  readonly service: string;
  /** The `:authority`; undefined: the address that is checked. */
  readonly host: string | undefined;
}

export type CheckSpec = TcpCheckSpec | TlsCheckSpec | HttpCheckSpec | GrpcCheckSpec;

/** When sessions that fail put a backend aside. */
export interface OutlierSpec {
  readonly enabled: boolean;
  /** Failures in a row that eject a backend. */
  readonly consecutiveErrors: number;
  /** The first ejection's length, and the most that it can grow to, in milliseconds. */
  readonly base: number;
  readonly max: number;
  /** The most of a pool's backends that may be ejected at a time; one always may, unless this is 0. */
  readonly maxPercent: number;
}

/** How a pool finds out which of its backends work. */
export interface HealthPolicy {
  /** Undefined: no active checks. */
  readonly check: CheckSpec | undefined;
  readonly outlier: OutlierSpec;
  /** With a smaller share of its backends up, health is ignored; in percent, 0: never. */
  readonly panicThreshold: number;
}
