import {
  backendCell,
  poolCell,
  retryCauseList,
  retryRefusalList,
  sumCells,
} from "../../../channel/counters.ts";
import { memoryShort } from "../../../channel/memory.ts";
import { partsOfName } from "../../../model/http/guard.ts";
import { mirrorOutcomeList } from "../../../model/http/mirror.ts";
import type { requestMetrics } from "../../../observe/request-metrics.ts";
import { poolsOfHttp } from "../../state/counts.ts";
import { ofBackends } from "./pools.ts";
import { type Collector, of, one } from "./samples.ts";

/** Of requests that are sent again, and of those that are refused because of load. */
export const requestCollectors: { readonly [Name in keyof typeof requestMetrics]: Collector } = {
  umay_request_retries_total: byReason(retryCauseList, poolCell.requestRetries),
  umay_request_retries_refused_total: byReason(retryRefusalList, poolCell.retryRefusals),
  umay_backend_idle_connections: ofBackends(({ memories }, { counters }) =>
    Math.max(
      0,
      sumCells(memories, counters + backendCell.kept) - sumCells(memories, counters + backendCell.unkept),
    ),
  ),
  umay_mirrored_requests_total: byReason(mirrorOutcomeList, poolCell.mirrored, "result"),
  umay_rate_limit_store_up: ({ sharing }) =>
    [...(sharing()?.states ?? [])].map(([store, isUp]) => ({ labels: { store }, value: isUp ? 1 : 0 })),
  umay_rate_limit_unshared_total: ({ sharing }) =>
    [...(sharing()?.unshared ?? [])].map(([name, value]) => ({
      labels: { limit: partsOfName(name)[1] },
      value,
    })),
  umay_worker_shed_ratio: ({ memories, shared }) =>
    memories.map((_, index) => ({
      labels: { worker: String(index + 1) },
      value: shared.workerShed[index]! / 1_000,
    })),
  umay_memory_short: ({ shared }) => one(Atomics.load(shared.process, memoryShort)),
};

/** A count for each pool and each of some reasons, where any listener speaks HTTP. */
function byReason(reasons: readonly string[], cell: number, label = "reason"): Collector {
  return of(poolsOfHttp, ({ memories }, { name, counters }) =>
    reasons.map((reason, index) => ({
      labels: { pool: name, [label]: reason },
      value: sumCells(memories, counters + cell + index),
    })),
  );
}
