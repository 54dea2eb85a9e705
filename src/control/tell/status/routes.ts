import { routeCell } from "../../../channel/counters.ts";
import type { PlacedRoute } from "../../../model/snapshot.ts";
import { requestsOfRoute, sumOutcomes } from "../../state/counts.ts";
import type { Percentiles, ReadPercentiles } from "../histograms.ts";
import type { MetricsInput } from "../readings.ts";

export interface RouteStatus {
  /** Under way. */
  readonly requests: number;
  readonly requests_total: number;
  readonly seconds: Percentiles;
}

export function readRoute(
  { memories }: MetricsInput,
  route: PlacedRoute,
  percentiles: ReadPercentiles,
): RouteStatus {
  return {
    requests: requestsOfRoute(memories, route),
    requests_total: sumOutcomes(memories, route.counters + routeCell.requests),
    seconds: percentiles(memories, route.counters + routeCell.requestDuration),
  };
}
