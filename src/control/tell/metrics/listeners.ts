import {
  endReasonList,
  guardCell,
  guardResults,
  handshakeOutcomes,
  listenerCell,
  poolCell,
  rejectReasonList,
  requestOutcomeList,
  routeCell,
  sumCells,
} from "../../../channel/counters.ts";
import { grpcStatusNames } from "../../../model/grpc-status.ts";
import { partsOfName } from "../../../model/http/guard.ts";
import type { PlacedListener } from "../../../model/snapshot.ts";
import type { listenerMetrics } from "../../../observe/listener-metrics.ts";
import {
  guardsIn,
  openOnListener,
  poolsOfHttp,
  requestsOfRoute,
  routesIn,
  speakingHttp,
} from "../../state/counts.ts";
import type { MetricsInput } from "../readings.ts";
import { type Collector, histogram, of, type Sample } from "./samples.ts";

/** Of clients: of listeners, their sessions and requests, routes and guards. */
export const listenerCollectors: { readonly [Name in keyof typeof listenerMetrics]: Collector } = {
  umay_listener_connections_total: ofListeners("accepted"),
  umay_listener_given_away_total: ofListeners("givenAway"),
  umay_listener_connections: ({ memories, snapshot }) =>
    snapshot().listeners.map((listener) => ({
      labels: { listener: listener.name },
      value: openOnListener(memories, listener),
    })),
  umay_listener_rejected_total: ({ memories, snapshot }) =>
    snapshot().listeners.flatMap(({ name, counters }) =>
      rejectReasonList.map((reason, index) => ({
        labels: { listener: name, reason },
        value: sumCells(memories, counters + listenerCell.rejected + index),
      })),
    ),
  umay_sessions_ended_total: ({ memories, snapshot }) =>
    snapshot().listeners.flatMap(({ name, counters }) =>
      endReasonList.map((reason, index) => ({
        labels: { listener: name, reason },
        value: sumCells(memories, counters + listenerCell.ends + index),
      })),
    ),
  umay_listener_received_bytes_total: ofListeners("received"),
  umay_listener_sent_bytes_total: ofListeners("sent"),
  umay_tls_handshakes_total: ({ memories, snapshot }) =>
    snapshot()
      .listeners.filter(terminatesTls)
      .flatMap(({ name, counters }) =>
        handshakeOutcomes.map(({ result, version }, index) => ({
          labels: { listener: name, result, version },
          value: sumCells(memories, counters + listenerCell.handshakes + index),
        })),
      ),
  umay_tls_handshake_duration_seconds: ({ memories, snapshot }) =>
    snapshot()
      .listeners.filter(terminatesTls)
      .flatMap(({ name, counters }) =>
        histogram(
          "umay_tls_handshake_duration_seconds",
          { listener: name },
          memories,
          counters + listenerCell.handshakeDuration,
        ),
      ),
  umay_session_duration_seconds: ({ memories, snapshot }) =>
    snapshot().listeners.flatMap(({ name, counters }) =>
      histogram(
        "umay_session_duration_seconds",
        { listener: name },
        memories,
        counters + listenerCell.sessionDuration,
      ),
    ),

  umay_requests_total: ({ memories, snapshot }) =>
    speakingHttp(snapshot()).flatMap(({ name, counters }) =>
      outcomes({ listener: name }, memories, counters + listenerCell.requests),
    ),
  umay_request_duration_seconds: ({ memories, snapshot }) =>
    speakingHttp(snapshot()).flatMap(({ name, counters }) =>
      histogram(
        "umay_request_duration_seconds",
        { listener: name },
        memories,
        counters + listenerCell.requestDuration,
      ),
    ),
  umay_route_requests_total: of(routesIn, ({ memories }, { name, counters }) =>
    outcomes({ route: name }, memories, counters + routeCell.requests),
  ),
  umay_grpc_calls_total: ({ memories, snapshot }) =>
    speakingHttp(snapshot()).flatMap(({ name, counters }) =>
      calls({ listener: name }, memories, counters + listenerCell.grpcStatuses),
    ),
  umay_route_grpc_calls_total: of(routesIn, ({ memories }, { name, counters }) =>
    calls({ route: name }, memories, counters + routeCell.grpcStatuses),
  ),
  umay_route_requests: of(routesIn, ({ memories }, route) => [
    { labels: { route: route.name }, value: requestsOfRoute(memories, route) },
  ]),
  umay_route_request_duration_seconds: of(routesIn, ({ memories }, { name, counters }) =>
    histogram(
      "umay_route_request_duration_seconds",
      { route: name },
      memories,
      counters + routeCell.requestDuration,
    ),
  ),
  umay_auth_total: ({ memories, snapshot }) =>
    guardsIn(snapshot(), "auth").flatMap(({ name, counters }) =>
      guardResults.map((result, index) => ({
        labels: { auth: partsOfName(name)[1], result },
        value: sumCells(memories, counters + guardCell.results + index),
      })),
    ),
  umay_rate_limited_total: ({ memories, snapshot }) =>
    guardsIn(snapshot(), "rate_limits").map(({ name, counters }) => ({
      labels: { limit: partsOfName(name)[1] },
      value: sumCells(memories, counters + guardCell.results + guardResults.indexOf("refused")),
    })),
  umay_first_byte_seconds: of(poolsOfHttp, ({ memories }, { name, counters }) =>
    histogram("umay_first_byte_seconds", { pool: name }, memories, counters + poolCell.firstByte),
  ),
};

/** Of each outcome that there was. */
function outcomes(
  labels: Sample["labels"],
  memories: MetricsInput["memories"],
  base: number,
): readonly Sample[] {
  return counts(requestOutcomeList, memories, base)
    .filter(([status, value]) => value > 0 || /^[2-5]xx$/.test(status))
    .map(([status, value]) => ({ labels: { ...labels, status }, value }));
}

/** Of each status with which a call has ended. */
function calls(
  labels: Sample["labels"],
  memories: MetricsInput["memories"],
  base: number,
): readonly Sample[] {
  return counts(grpcStatusNames, memories, base)
    .filter(([, value]) => value > 0)
    .map(([status, value]) => ({ labels: { ...labels, grpc_status: status }, value }));
}

const counts = (
  names: readonly string[],
  memories: MetricsInput["memories"],
  base: number,
): readonly (readonly [name: string, value: number])[] =>
  names.map((name, index) => [name, sumCells(memories, base + index)]);

function ofListeners(cell: "accepted" | "givenAway" | "received" | "sent"): Collector {
  return ({ memories, snapshot }) =>
    snapshot().listeners.map(({ name, counters }) => ({
      labels: { listener: name },
      value: sumCells(memories, counters + listenerCell[cell]),
    }));
}

export const terminatesTls = ({ tls }: PlacedListener): boolean => tls.length > 0;
