import { poolCell, retryCauseList, retryRefusalList, sumCells } from "../../channel/counters.ts";
import { mirrorOutcomeList } from "../../model/http/mirror.ts";
import { speakingHttp } from "../state/counts.ts";
import type { Sample } from "./collectors.ts";
import type { MetricsInput } from "./readings.ts";

/** A count for each pool and each of some reasons, where any listener speaks HTTP. */
function byReason(
  reasons: readonly string[],
  cell: number,
  label = "reason",
): (input: MetricsInput) => readonly Sample[] {
  return ({ memories, snapshot }) => {
    const { pools, ...served } = snapshot();
    if (speakingHttp(served).length === 0) return [];
    return pools.flatMap(({ name, counters }) =>
      reasons.map((reason, index) => ({
        labels: { pool: name, [label]: reason },
        value: sumCells(memories, counters + cell + index),
      })),
    );
  };
}

export const retriesOfRequests: (input: MetricsInput) => readonly Sample[] = byReason(
  retryCauseList,
  poolCell.requestRetries,
);

export const refusedRetries: (input: MetricsInput) => readonly Sample[] = byReason(
  retryRefusalList,
  poolCell.retryRefusals,
);

export const mirrored: (input: MetricsInput) => readonly Sample[] = byReason(
  mirrorOutcomeList,
  poolCell.mirrored,
  "result",
);

export const shedOfWorkers = ({ memories, shared }: MetricsInput): readonly Sample[] =>
  memories.map((_, index) => ({
    labels: { worker: String(index + 1) },
    value: shared.workerShed[index]! / 1_000,
  }));
