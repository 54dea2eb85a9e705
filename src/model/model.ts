import type { SocketAddress } from "../lib/address.ts";
import type { Listener } from "./listener.ts";
import type { Pool } from "./pool.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
  /** One line for every ended session. */
  readonly sessions: boolean;
}

/** What the configuration says, in umay's own words: plain, complete, with every default filled in. */
export interface Model {
  /** Data-plane threads, at least 1. */
  readonly workers: number;
  readonly log: LogSettings;
  /** In milliseconds. */
  readonly shutdown: { readonly delay: number; readonly timeout: number };
  /** Undefined: no admin server. */
  readonly admin: { readonly bind: SocketAddress } | undefined;
  readonly listeners: readonly Listener[];
  readonly pools: readonly Pool[];
}
