import type { PoolHttp } from "./http/backend.ts";
import type { PoolTls } from "./pool.ts";

/** Both ends included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** The settings that all kinds of checks have. */
interface CheckTiming {
  /** Between the starts of two checks of a backend, in milliseconds. */
  readonly interval: number;
  /** For one check, in milliseconds. */
  readonly timeout: number;
  /** How many checks in a row a down backend must pass to be up. */
  readonly rise: number;
  /** How many checks in a row an up backend must fail to be down. */
  readonly fall: number;
  /** An IP address instead of the backend's own. */
  readonly address: string | undefined;
  /** Instead of the backend's own. */
  readonly port: number | undefined;
  /** The PROXY protocol header that comes first; undefined: none. */
  readonly proxyProtocol: "v1" | "v2" | undefined;
  /** As in the pool's `connect`. */
  readonly sources?: readonly string[];
}

export interface TcpCheckSpec extends CheckTiming {
  readonly type: "tcp";
  /** Undefined: nothing is sent. */
  readonly send?: string;
  /** Text that the first 4,096 characters of the answer must contain; undefined: a connection will do. */
  readonly expect?: string;
}

export interface TlsCheckSpec extends CheckTiming {
  readonly type: "tls";
  readonly tls: PoolTls;
}

export interface HttpCheckSpec extends CheckTiming {
  readonly type: "http";
  /** As in `PoolHttp`, where there is no client. */
  readonly version: Exclude<PoolHttp["version"], "client">;
  /** Undefined: without TLS. */
  readonly tls: PoolTls | undefined;
  readonly method: string;
  readonly path: string;
  /** The Host header; undefined: the backend's host name, or else the address that is checked. */
  readonly host: string | undefined;
  /** The answer's status must lie in one of these ranges. */
  readonly expectStatus: readonly StatusRange[];
  /** Text that the first 65,536 characters of the body must contain; undefined: any body will do. */
  readonly expectBody: string | undefined;
}

export interface GrpcCheckSpec extends CheckTiming {
  readonly type: "grpc";
  /** Undefined: without TLS. */
  readonly tls: PoolTls | undefined;
  /** The service to ask for; empty: the server as a whole. */
  readonly service: string;
  /** The `:authority`; undefined: the backend's host name, or else the address that is checked. */
  readonly host: string | undefined;
}

export interface MysqlCheckSpec extends CheckTiming {
  readonly type: "mysql";
  /** The user that logs in, without a password. */
  readonly user: string;
}

export interface PostgresCheckSpec extends CheckTiming {
  readonly type: "postgres";
  /** Undefined: without TLS. */
  readonly tls: PoolTls | undefined;
  /** The user that begins a session; undefined: nobody does. */
  readonly user: string | undefined;
}

export interface RedisCheckSpec extends CheckTiming {
  readonly type: "redis";
  /** Undefined: without TLS. */
  readonly tls: PoolTls | undefined;
}

export interface SmtpCheckSpec extends CheckTiming {
  readonly type: "smtp";
  /** Undefined: without TLS. */
  readonly tls: PoolTls | undefined;
}

export type CheckSpec =
  | TcpCheckSpec
  | TlsCheckSpec
  | HttpCheckSpec
  | GrpcCheckSpec
  | MysqlCheckSpec
  | PostgresCheckSpec
  | RedisCheckSpec
  | SmtpCheckSpec;

/** How many ejections of a kind are carried out. */
export interface EjectionChance {
  /** Of a hundred that are due, by chance, above 0; undefined: all. */
  readonly chance?: number | undefined;
}

/** When a backend is ejected because it serves less than the others of its pool. */
export interface SuccessRateSpec extends EjectionChance {
  /** So many backends must have been asked often enough. */
  readonly minBackends: number;
  /** In ten seconds. */
  readonly minRequests: number;
  /** How many standard deviations below the mean of the pool. */
  readonly deviations: number;
}

/** When a backend is ejected because too many of its requests fail, whatever the others do. */
export interface FailureRateSpec extends Pick<SuccessRateSpec, "minBackends" | "minRequests" | "chance"> {
  /** In percent. */
  readonly percent: number;
}

/** When failing sessions eject a backend. `chance` is that of ejections for failures in a row. */
export interface OutlierSpec extends EjectionChance {
  readonly enabled: boolean;
  /** Failures in a row that eject a backend. */
  readonly consecutiveErrors: number;
  /** The length of the first ejection, and the longest length, in milliseconds. */
  readonly base: number;
  readonly max: number;
  /** The most backends that are ejected at a time, in percent of the pool. */
  readonly maxPercent: number;
  /** Whether one may be ejected where that is less than one, unless it is 0. Undefined: it may. */
  readonly oneAtLeast?: boolean;
  /** Undefined: backends are not compared. */
  readonly successRate: SuccessRateSpec | undefined;
  /** Undefined: rates of failures are not looked at. */
  readonly failureRate?: FailureRateSpec;
}

/** The rules by which a pool finds its working backends. */
export interface HealthPolicy {
  /** Undefined: no active checks. */
  readonly check: CheckSpec | undefined;
  /** Those for backends of each of the pool's transports, in their order; undefined: `check` is for all backends. */
  readonly checks?: readonly (CheckSpec | undefined)[];
  readonly outlier: OutlierSpec;
  /** With a smaller share of its backends up, health is ignored; in percent, 0: never. */
  readonly panicThreshold: number;
}
