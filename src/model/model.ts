import type { SocketAddress } from "../lib/address.ts";
import type { AccessLogSettings } from "./access-log.ts";
import type { AcmeSettings } from "./acme.ts";
import type { HttpRouteTable } from "./http/route.ts";
import type { KubernetesSettings } from "./kubernetes.ts";
import type { Listener } from "./listener.ts";
import type { OverloadPolicy } from "./overload.ts";
import type { Pool } from "./pool.ts";
import type { OtlpSettings } from "./tracing.ts";
import type { XdsSettings } from "./xds.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
  /** One line for every ended session. */
  readonly sessions: boolean;
  /** Undefined: the lines of requests are among all others. */
  readonly access?: AccessLogSettings;
  /** How many requests are traced, in percent; undefined: none is, and none gets a place in a trace. */
  readonly traced?: number;
}

/** For clients on other machines: everything that changes nothing, or probes and metrics alone. */
export const adminRights = ["look", "scrape"] as const;
export type AdminRights = (typeof adminRights)[number];

export interface AdminSettings {
  readonly bind: SocketAddress;
  /** On a TCP address. */
  readonly remote: AdminRights;
}

/** Keys and tables that count from a start on. */
const restartKeys = ["workers", "admin", "log.format", "otlp", "xds", "kubernetes"];

/** Whether a key waits for a restart. @param key dotted, such as `log.format`. */
export function needsRestart(key: string): boolean {
  return restartKeys.some((waits) => key === waits || key.startsWith(`${waits}.`));
}

/** The configuration in umay's own terms: plain and complete, with every default filled in. */
export interface Model {
  /** Data-plane threads, at least 1. */
  readonly workers: number;
  /** How long the event loop of a worker may stand still, in milliseconds; undefined: for ever. */
  readonly watchdog: number | undefined;
  readonly log: LogSettings;
  readonly overload: OverloadPolicy;
  /** In milliseconds. */
  readonly shutdown: { readonly delay: number; readonly timeout: number };
  /** Undefined: no admin server. */
  readonly admin: AdminSettings | undefined;
  /** The collector of traces and metrics; undefined: none. */
  readonly otlp?: OtlpSettings;
  /** The authority that issues the certificates of listeners with `acme`; undefined: nobody. */
  readonly acme?: AcmeSettings;
  /** The control plane that says what is served beside this; undefined: none, or the provider has its own words for it. */
  readonly xds?: XdsSettings;
  /** The cluster that has its part in what is served; undefined: none. */
  readonly kubernetes?: KubernetesSettings;
  /** Why this is not yet all that is to be served; undefined: it is. umay is not ready meanwhile. */
  readonly incomplete?: string;
  readonly listeners: readonly Listener[];
  readonly pools: readonly Pool[];
  /** The tables in which listeners that speak HTTP find routes. They stand apart, so that a change of a route leaves listeners as they are. */
  readonly routeTables: readonly HttpRouteTable[];
}
