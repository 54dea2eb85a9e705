import { NameSet } from "../../../http/name-set.ts";
import { parseTraceParent, traceParent } from "../../../http/trace-context.ts";
import { type RequestReason, requestReasons } from "../../../model/reasons.ts";
import type { SpanRecord } from "../../../model/tracing.ts";
import type { CompiledRoute } from "../../decide/http/compiled-route.ts";
import type { ExchangeClient } from "./client.ts";
import type { RecordedExchange } from "./record.ts";
import { drawTraceIds } from "./trace-ids.ts";
import type { RequestView } from "./view.ts";

/** The place of a request in a trace. */
export interface Trace {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the trace begins here. */
  readonly parentId: string;
  /** Of whoever called; empty: it said none. */
  readonly state: string;
  readonly sampled: boolean;
}

/** Fields that are written anew. */
export const traceFields: NameSet = new NameSet(["traceparent", "tracestate"]);
/** W3C Trace Context, section 3.3.1.5: so much must be passed on. */
const longestState = 512;

/** Gives each request its place in a trace, and tells of those that are sampled. */
export class Tracing {
  readonly #percent: number;
  readonly #send: (spans: readonly SpanRecord[]) => void;
  #waiting: SpanRecord[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param percent of the requests of routes that do not say otherwise. */
  constructor(percent: number, send: (spans: readonly SpanRecord[]) => void) {
    this.#percent = percent;
    this.#send = send;
  }

  /** Whether it is recorded is decided by a trusted peer, else by chance. */
  begin(view: RequestView, route: CompiledRoute | undefined, { frontend, connection }: ExchangeClient): void {
    const said = parseTraceParent(view.header("traceparent") ?? "");
    const state = said && (view.header("tracestate") ?? "");
    const believed = said !== undefined && frontend.forwarding.trusts(connection.clientAddress);
    const percent = route?.definition.trace?.percent ?? this.#percent;
    const ids = drawTraceIds();
    view.trace = {
      traceId: said?.traceId ?? ids.slice(0, 32),
      spanId: ids.slice(32),
      parentId: said?.parentId ?? "",
      state: state !== undefined && state.length <= longestState ? state : "",
      sampled: believed ? said.sampled : Math.random() * 100 < percent,
    };
  }

  /** A request is over. @param duration in milliseconds. */
  record(exchange: RecordedExchange, reason: RequestReason, duration: number): void {
    const { view, status } = exchange;
    if (view?.trace?.sampled !== true) return;
    const { traceId, spanId, parentId, state } = view.trace;
    const ended = Date.now();
    const failed =
      status >= 500 || status === 0 || (requestReasons[reason].origin === "backend" && reason !== "served");
    this.#waiting.push({
      traceId,
      spanId,
      parentId,
      traceState: state,
      name: view.route === "" ? view.method : `${view.method} ${view.route}`,
      began: ended - duration,
      ended,
      attributes: attributesOf(view, exchange, reason),
      error: failed ? reason : "",
    });
    if (this.#waiting.length >= batchSize) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), batchDelay).unref();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const spans = this.#waiting;
    if (spans.length === 0) return;
    this.#waiting = [];
    this.#send(spans);
  }
}

/** Spans of one message to the main thread at most, and the time that the first one waits, in milliseconds. */
const batchSize = 256;
const batchDelay = 500;

function attributesOf(
  view: RequestView,
  { client, backend, status, grpcStatus, sent, requestBody }: RecordedExchange,
  reason: RequestReason,
): SpanRecord["attributes"] {
  const all = {
    "http.request.method": view.method,
    "url.scheme": view.head.scheme,
    "url.path": view.path,
    "server.address": view.host,
    "client.address": view.client,
    "network.protocol.version": client.protocol.slice("HTTP/".length),
    "http.response.status_code": status,
    "http.request.body.size": requestBody.received,
    "http.response.body.size": sent,
    "umay.request_id": view.requestId,
    "umay.listener": client.connection.listener.definition.name,
    "umay.route": view.route,
    "umay.pool": backend?.dispatch.pool.definition.name ?? "",
    "umay.backend": view.backend,
    "umay.attempts": backend?.attempts.length ?? 0,
    "umay.reason": reason,
  };
  const known = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "" && value !== 0));
  return grpcStatus === undefined ? known : { ...known, "rpc.grpc.status_code": grpcStatus };
}

/** The lines by which a backend learns its place in the trace. */
export function traceLines({ traceId, spanId, state, sampled }: Trace): string {
  const parent = `traceparent: ${traceParent(traceId, spanId, sampled)}\r\n`;
  return state === "" ? parent : `${parent}tracestate: ${state}\r\n`;
}
