import {
  type CounterMemory,
  listenerCell,
  outcomeOf,
  poolCell,
  retryCauseList,
  retryRefusalList,
  routeCell,
} from "../../../channel/counters.ts";
import { recordValue } from "../../../channel/histogram.ts";
import { joinedValue } from "../../../http/joined-value.ts";
import type { Fields } from "../../../http/message.ts";
import { textIn } from "../../../lib/byte-text.ts";
import { eventTime } from "../../../lib/read-time.ts";
import type { LogSampling } from "../../../model/access-log.ts";
import { grpcStatusNames, unknownGrpcStatus } from "../../../model/grpc-status.ts";
import type { RetryTrigger } from "../../../model/http/retry.ts";
import { type RequestReason, requestReasons } from "../../../model/reasons.ts";
import type { RequestLines } from "../../../observe/listener-logs.ts";
import { logRequest, type RequestRecord } from "../../../observe/request-log.ts";
import type { AttemptRecord } from "../../../observe/session-log.ts";
import { timeOfDay } from "../../clock.ts";
import type { CompiledRoute } from "../../decide/http/compiled-route.ts";
import type { RetryDecision } from "../../decide/http/retry.ts";
import type { Attempt } from "../../dispatch/attempt.ts";
import type { Dispatch } from "../../dispatch/dispatch.ts";
import type { ExchangeClient } from "./client.ts";
import type { HttpPlane } from "./plane.ts";
import type { RequestView } from "./view.ts";

/** The facts of an exchange that are recorded. */
export interface RecordedExchange {
  readonly client: ExchangeClient;
  readonly view: RequestView | undefined;
  readonly route: CompiledRoute | undefined;
  readonly backend: { readonly dispatch: Dispatch; readonly attempts: readonly Attempt[] } | undefined;
  readonly requestBody: { readonly received: number };
  readonly status: number;
  /** Of gRPC, behind the answer or in its head; undefined: it says none. */
  readonly grpcStatus: number | undefined;
  readonly detail: string | undefined;
  readonly sent: number;
  readonly began: number;
  readonly firstByte: number;
  /** Fields of the answer, and of those behind it, that its line has; undefined: none. */
  readonly responseFields: Readonly<Record<string, string>> | undefined;
  readonly trailerFields: Readonly<Record<string, string>> | undefined;
}

/** Counts a decision about sending a request again. @param first counter of the pool. */
export function countRetry(
  counters: CounterMemory,
  first: number,
  trigger: RetryTrigger | number,
  decision: Exclude<RetryDecision, { kind: "unasked" }>,
): void {
  if (decision.kind === "again") {
    const cause = typeof trigger === "number" ? "status" : trigger;
    counters[first + poolCell.requestRetries + retryCauseList.indexOf(cause)]! += 1;
  } else counters[first + poolCell.retryRefusals + retryRefusalList.indexOf(decision.why)]! += 1;
}

const noAttempts: readonly Attempt[] = [];

/** Counts a request whose route is known, until it is over. */
export function countBegin({ shared, counters }: HttpPlane, { place }: CompiledRoute): void {
  if (place === undefined) return;
  counters[place.counters + routeCell.begun]! += 1;
  Atomics.add(shared.routeActive, place.slot, 1);
}

/** The request goes on under another route. */
export function countLeft({ shared, counters }: HttpPlane, { place }: CompiledRoute): void {
  if (place === undefined) return;
  counters[place.counters + routeCell.over]! += 1;
  Atomics.sub(shared.routeActive, place.slot, 1);
}

/** A status that has no name counts as UNKNOWN, which callers take it for. */
const grpcCell = (status: number): number =>
  status >= 0 && status < grpcStatusNames.length ? status : unknownGrpcStatus;

function countOver(
  plane: HttpPlane,
  exchange: RecordedExchange,
  reason: RequestReason,
  duration: number,
): void {
  const { shared, counters } = plane;
  const { client, route, backend, status, grpcStatus, firstByte, began } = exchange;
  const outcome = outcomeOf(reason, status);
  const first = client.connection.listener.definition.counters;
  counters[first + listenerCell.requests + outcome]! += 1;
  const call = grpcStatus === undefined ? undefined : grpcCell(grpcStatus);
  if (call !== undefined) counters[first + listenerCell.grpcStatuses + call]! += 1;
  recordValue(counters, first + listenerCell.requestDuration, duration * 1000);
  if (firstByte > 0)
    recordValue(
      counters,
      backend!.dispatch.pool.definition.counters + poolCell.firstByte,
      (firstByte - began) * 1000,
    );
  const place = route?.place;
  if (place === undefined) return;
  counters[place.counters + routeCell.requests + outcome]! += 1;
  if (call !== undefined) counters[place.counters + routeCell.grpcStatuses + call]! += 1;
  recordValue(counters, place.counters + routeCell.requestDuration, duration * 1000);
  counters[place.counters + routeCell.over]! += 1;
  // Last: without a request, the control plane may give the counters of a route that left to another.
  Atomics.sub(shared.routeActive, place.slot, 1);
}

/** Counts a request that is over, and writes its line. */
export function recordExchange(plane: HttpPlane, exchange: RecordedExchange, reason: RequestReason): void {
  const { logger } = plane;
  const duration = eventTime() - exchange.began;
  countOver(plane, exchange, reason, duration);
  const access = linesOf(plane, exchange.client);
  plane.tracing?.record(exchange, reason, duration);
  // There may be very many of these, and they are to cost little: the control plane logs sums.
  if ((!plane.logSessions && access === undefined) || reason === "overloaded") return;
  if (!hasLine(exchange.route?.definition.log, exchange.status, reason)) return;
  const { client, view, route, backend, status, detail, firstByte, began } = exchange;
  const { connection } = client;
  const record: RequestRecord = {
    id: view?.requestId ?? "",
    client: view?.client ?? connection.clientAddress,
    listener: connection.listener.definition.name,
    protocol: client.protocol,
    method: view?.method ?? "",
    host: view?.authority ?? "",
    path: view?.path ?? "",
    route: route?.name ?? "",
    title: view?.title,
    pool: backend?.dispatch.pool.definition.name ?? "",
    backend: view?.backend ?? "",
    attempts: (backend?.attempts ?? noAttempts).map(attemptRecord),
    status,
    grpcStatus: exchange.grpcStatus,
    received: exchange.requestBody.received,
    sent: exchange.sent,
    firstByte: firstByte === 0 ? undefined : Math.max(firstByte - began, 0),
    duration,
    ended: timeOfDay(),
    reason,
    detail,
    trace: view?.trace?.traceId ?? "",
    user: textIn(view?.passage?.user ?? ""),
    requestFields: access && view && fieldsNamed(access.requestFields, view.fields),
    responseFields: exchange.responseFields,
    trailerFields: exchange.trailerFields,
  };
  if (access === undefined) logRequest(logger, record);
  else access.record(record, view);
}

/** Where the lines of a client's requests go; undefined: among all others. */
export const linesOf = (plane: HttpPlane, { frontend }: ExchangeClient): RequestLines | undefined => {
  const { logs } = frontend.front;
  return logs === undefined ? plane.access : plane.listenerLogs?.of(logs);
};

/** Whether a request has a line, by the sampling of its route. */
function hasLine(sampling: LogSampling | undefined, status: number, reason: RequestReason): boolean {
  if (sampling === undefined) return true;
  const isGood = status < 500 && (reason === "served" || requestReasons[reason].origin !== "backend");
  return (sampling.errors && !isGood) || Math.random() * 100 < sampling.percent;
}

/** The values of these fields; undefined: there is none of them. */
export function fieldsNamed(
  names: readonly string[],
  fields: Fields,
): Readonly<Record<string, string>> | undefined {
  let found: Record<string, string> | undefined;
  for (const name of names) {
    const value = joinedValue(fields, name)?.slice(0, longestValue);
    if (value === undefined) continue;
    found ??= {};
    found[name] = value;
  }
  return found;
}

/** Characters of a field that a line has. */
const longestValue = 1_024;

const attemptRecord = ({ backend, took, error, outcome }: Attempt): AttemptRecord => ({
  backend: backend.address,
  ms: outcome?.took ?? took,
  error: error ?? outcome?.error,
  status: outcome?.status,
  retry: outcome?.retry,
});
