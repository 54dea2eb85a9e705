import type { BudgetLimits } from "./budget.ts";
import type { BlockLimits } from "./header-block.ts";
import { firstTable } from "./hpack/decoder.ts";

/** Limits of one connection. Sizes are in bytes. */
export interface ConnectionLimits {
  /** Open at a time. */
  readonly streams: number;
  /** The receive windows of a stream and of all streams together (at least 65,535). */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Of the header fields of the peer that are remembered (RFC 7541 section 4). */
  readonly headerTable: number;
  /** Of requests or responses, and of trailers. */
  readonly head: BlockLimits;
  readonly budget: BudgetLimits;
  /** Without progress of a stream that has something to send, it is reset; in milliseconds. */
  readonly stall: number;
  /** How long the peer has to acknowledge SETTINGS (RFC 9113 section 6.5.3); in milliseconds. */
  readonly settings: number;
}

const budget: BudgetLimits = {
  resets: { burst: 100, perSecond: 10 },
  settings: { burst: 100, perSecond: 1 },
  pings: { burst: 100, perSecond: 10 },
  free: { burst: 10_000, perSecond: 1_000 },
  glitches: 1_000,
};

/** For clients' connections. At most the connection's window is held. */
export const clientSideLimits: ConnectionLimits = {
  streams: 100,
  streamWindow: 64 * 1024,
  connectionWindow: 1024 * 1024,
  headerTable: firstTable,
  head: { size: 32 * 1024, fields: 128, underscores: "drop" },
  budget,
  stall: 60_000,
  settings: 10_000,
};

/**
 * For connections to backends. The connection's window is as large as those of its streams together, so that a stream
 * whose client reads slowly never stops the other ones.
 */
export const backendSideLimits: ConnectionLimits = {
  streams: 100,
  streamWindow: 64 * 1024,
  connectionWindow: 100 * 64 * 1024,
  headerTable: firstTable,
  head: { size: 64 * 1024, fields: 256, underscores: "pass" },
  budget: { ...budget, resets: { burst: 1_000, perSecond: 100 } },
  stall: 60_000,
  settings: 10_000,
};
