import {
  type ConnectFailure,
  connectFailures,
  type EndReason,
  endReasons,
  type HandshakeResult,
  handshakeResults,
  type RejectReason,
  rejectReasons,
} from "../model/reasons.ts";
import { histogramCells } from "./histogram.ts";

/*
 * Every worker has one counter memory that only it writes, with plain stores; the control plane adds them up.
 * A listener, pool or backend has its block at the same index in each of them. Numbers are doubles: exact to 2^53.
 */

export const endReasonList: readonly EndReason[] = Object.keys(endReasons) as EndReason[];
export const rejectReasonList: readonly RejectReason[] = Object.keys(rejectReasons) as RejectReason[];
export const connectFailureList: readonly ConnectFailure[] = Object.keys(connectFailures) as ConnectFailure[];

/** A handshake's result with the TLS version that it agreed on; a failed one has none. */
export interface HandshakeOutcome {
  readonly result: HandshakeResult;
  readonly version: string;
}

export const handshakeOutcomes: readonly HandshakeOutcome[] = [
  { result: "ok", version: "TLSv1.2" },
  { result: "ok", version: "TLSv1.3" },
  ...(Object.keys(handshakeResults) as HandshakeResult[])
    .filter((result) => result !== "ok")
    .map((result) => ({ result, version: "" })),
];

/** Cells of a listener's block. A connection that is given away is accepted by whom it is given to. Open connections = accepted − ended; rejected ones are in neither. */
export const listenerCell = place({
  accepted: 1,
  ended: 1,
  received: 1,
  sent: 1,
  givenAway: 1,
  rejected: rejectReasonList.length,
  ends: endReasonList.length,
  handshakes: handshakeOutcomes.length,
  handshakeDuration: histogramCells,
  sessionDuration: histogramCells,
});

/**
 * Cells of a pool's block. Leases = leased − released; retries under way = retried − settled; sessions that wait for a
 * backend = queued − dequeued.
 */
export const poolCell = place({
  connectDuration: histogramCells,
  leased: 1,
  released: 1,
  retried: 1,
  settled: 1,
  queued: 1,
  dequeued: 1,
  queueDuration: histogramCells,
});

/** Cells of a backend's block. Active = leased − released; a lease begins with the attempt to connect. */
export const backendCell = place({
  leased: 1,
  released: 1,
  connected: 1,
  failures: connectFailureList.length,
});

type Placed<T> = { readonly [K in keyof T]: number } & { readonly size: number };

function place<T extends Record<string, number>>(sizes: T): Placed<T> {
  let size = 0;
  const offsets: Record<string, number> = {};
  for (const [name, cells] of Object.entries(sizes)) {
    offsets[name] = size;
    size += cells;
  }
  return { ...offsets, size } as Placed<T>;
}

export type CounterMemory = Float64Array<SharedArrayBuffer>;

/** The sum of one cell over all workers. */
export function sumCells(memories: readonly CounterMemory[], cell: number): number {
  let sum = 0;
  for (const memory of memories) sum += memory[cell]!;
  return sum;
}
