import { type ConnectFailure, connectFailures } from "../model/connect-failures.ts";
import { grpcStatusNames } from "../model/grpc-status.ts";
import { mirrorOutcomeList } from "../model/http/mirror.ts";
import {
  type RetryRefusal,
  type RetryTrigger,
  retryRefusals,
  retryTriggerList,
} from "../model/http/retry.ts";
import {
  type EndReason,
  endReasons,
  type HandshakeResult,
  handshakeResults,
  type RejectReason,
  type RequestReason,
  rejectReasons,
  requestReasons,
} from "../model/reasons.ts";
import { histogramCells } from "./histogram.ts";

/*
 * Every worker has one counter memory that only it writes, with plain stores; the control plane adds them up.
 * A listener, pool or backend has its block at the same index in each of them. Numbers are doubles: exact to 2^53.
 */

export const endReasonList: readonly EndReason[] = Object.keys(endReasons) as EndReason[];
export const rejectReasonList: readonly RejectReason[] = Object.keys(rejectReasons) as RejectReason[];
export const connectFailureList: readonly ConnectFailure[] = Object.keys(connectFailures) as ConnectFailure[];

/** The outcome of a request: the class of the answer's status, where a backend or its route answered, or umay's own reason. */
export type RequestOutcome = "1xx" | "2xx" | "3xx" | "4xx" | "5xx" | RequestReason;

/** Reasons with which requests are counted by their status. */
const byStatus: ReadonlySet<RequestReason> = new Set([
  "served",
  "upgraded",
  "answered",
  "processor_answered",
]);
const ownReasons = (Object.keys(requestReasons) as RequestReason[]).filter((reason) => !byStatus.has(reason));

export const requestOutcomeList: readonly RequestOutcome[] = [
  "1xx",
  "2xx",
  "3xx",
  "4xx",
  "5xx",
  ...ownReasons,
];

const ownOutcomes = new Map<RequestReason, number>(
  ownReasons.map((reason) => [reason, requestOutcomeList.indexOf(reason)]),
);

/** @returns the place of a request's outcome in {@link requestOutcomeList}. @param status 100 to 599, where a backend or its route answered. */
export function outcomeOf(reason: RequestReason, status: number): number {
  return ownOutcomes.get(reason) ?? Math.min(Math.floor(status / 100), 5) - 1;
}

/** The cause for which a request was sent again: `status` stands for every status of an answer. */
export type RetryCause = RetryTrigger | "status";

/** `connect-failed`: no backend was left for another attempt. Connecting the next one is counted as a retry of its own, whoever asked for it. */
export const retryCauseList: readonly RetryCause[] = [...retryTriggerList, "status"];
export const retryRefusalList: readonly RetryRefusal[] = Object.keys(retryRefusals) as RetryRefusal[];

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

export const httpVersionList = ["1.1", "2"] as const;
export const resetterList = ["client", "umay"] as const;
export const backendResetterList = ["backend", "umay"] as const;
/** How many codes HTTP/2 has for errors. */
export const http2Codes = 14;

/** Cells of a listener's block. A connection that is given away is accepted by whom it is given to. Open connections = accepted − ended; rejected ones are in neither. */
export const listenerCell = place({
  accepted: 1,
  ended: 1,
  received: 1,
  sent: 1,
  givenAway: 1,
  /** Of requests that are counted because their number is limited. */
  requestsBegun: 1,
  requestsOver: 1,
  rejected: rejectReasonList.length,
  ends: endReasonList.length,
  handshakes: handshakeOutcomes.length,
  handshakeDuration: histogramCells,
  sessionDuration: histogramCells,
  requests: requestOutcomeList.length,
  grpcStatuses: grpcStatusNames.length,
  requestDuration: histogramCells,
  /** Connections of HTTP, by version; see {@link httpVersionList}. */
  httpConnections: httpVersionList.length,
  /** Requests of HTTP/2 under way = begun − over. */
  http2Begun: 1,
  http2Over: 1,
  /** Streams that were reset, by who did; see {@link resetterList}. */
  http2Resets: resetterList.length,
  http2Glitches: 1,
  /** Connections that umay ended because of an error, by its code (RFC 9113 section 7). */
  http2Errors: http2Codes,
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
  /** Attempts to connect that failed, of all backends, also of those that have left. */
  connectFailures: 1,
  mirrored: mirrorOutcomeList.length,
  queueDuration: histogramCells,
  firstByte: histogramCells,
  requestRetries: retryCauseList.length,
  retryRefusals: retryRefusalList.length,
});

/** Cells of a backend's block. Active = leased − released; a lease begins with the attempt to connect. */
export const backendCell = place({
  leased: 1,
  released: 1,
  connected: 1,
  /** Connections of HTTP/1 that became idle, and those that are so no more. */
  kept: 1,
  unkept: 1,
  /** Sessions and requests on which it served, and on which it failed: what ejection goes by. */
  served: 1,
  failed: 1,
  failures: connectFailureList.length,
  /** Bytes to it, and bytes from it. */
  sent: 1,
  received: 1,
  /** Of HTTP/2, as they were when the worker looked last: its connections to it, and its requests on them. */
  http2Connections: 1,
  http2Streams: 1,
  /** Connections of HTTP/2 on which it has sent GOAWAY. */
  http2GoAways: 1,
  /** Streams that were reset, by who did; see {@link backendResetterList}. */
  http2Resets: backendResetterList.length,
});

/** Cells of the block of a route of HTTP. Requests under way = begun − over. */
export const routeCell = place({
  begun: 1,
  over: 1,
  requests: requestOutcomeList.length,
  grpcStatuses: grpcStatusNames.length,
  requestDuration: histogramCells,
});

/** The verdicts of a guard on a request. */
export const guardResults = ["passed", "refused", "unavailable"] as const;
export type GuardResult = (typeof guardResults)[number];

/** Cells of the block of a guard. `begun` and `over`: requests that a fault holds up, where their number is limited. */
export const guardCell = place({ results: guardResults.length, begun: 1, over: 1 });

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
