import type { Load } from "../load/load.ts";
import type { Mode } from "../peers/peer.ts";

export const bulkBytes = 4 * 2 ** 20;
export const mediumBytes = 16 * 2 ** 10;
export const smallBytes = 12;

/** One kind of traffic, at full speed for cost and throughput and at a fixed rate for latency. */
export interface Work {
  readonly name: string;
  /** As in the tables. */
  readonly title: string;
  readonly mode: Mode;
  /** The unit of work: CPU time and rates are per unit. */
  readonly unit: "request" | "connection" | "upload";
  readonly load: Load;
  /** Units per second for the latency run, below what every serious peer can do on one core. */
  readonly rate: number;
}
