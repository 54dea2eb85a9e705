import { bucketValue, isEmptyHistogram, sumHistograms } from "../../channel/histogram.ts";

const microseconds = 1e6;

/** How many values are at most as large as each bound, all values with no bound at the end, and their sum. */
export interface Cumulated {
  readonly counts: readonly number[];
  /** In seconds. */
  readonly sum: number;
}

/**
 * A histogram over all workers, for Prometheus. Total and sum are exact; a value is counted where the middle of its
 * log-linear bucket is, so one less than 1.6 % from a bound may be on its other side.
 * @param bounds rising, in seconds.
 */
export function cumulate(
  memories: readonly Float64Array[],
  base: number,
  bounds: readonly number[],
): Cumulated {
  // Of ten thousand pools most have none.
  if (isEmptyHistogram(memories, base)) return { counts: [...bounds, 0].map(() => 0), sum: 0 };
  const totals = sumHistograms(memories, base);
  const counts: number[] = [];
  let bucket = 0;
  let count = 0;
  for (const bound of [...bounds, Number.POSITIVE_INFINITY]) {
    while (bucket < totals.counts.length && bucketValue(bucket) <= bound * microseconds)
      count += totals.counts[bucket++]!;
    counts.push(count);
  }
  return { counts, sum: totals.sum / microseconds };
}

/** In seconds, null when there is no value yet. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly "p99.9": number | null;
}

const noValues: Percentiles = { count: 0, p50: null, p90: null, p99: null, "p99.9": null };

/** The percentiles of a histogram over all workers. */
export type ReadPercentiles = (memories: readonly Float64Array[], base: number) => Percentiles;

/** Percentiles from HDR histograms: each less than 2 % from the exact one. The library is loaded first. */
export async function percentiles(): Promise<ReadPercentiles> {
  const { build } = (await import("hdr-histogram-js")).default;
  return (memories, base) => {
    if (isEmptyHistogram(memories, base)) return noValues;
    const { counts } = sumHistograms(memories, base);
    const histogram = build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
    for (const [bucket, count] of counts.entries())
      if (count > 0) histogram.recordValueWithCount(bucketValue(bucket), count);
    const count = histogram.totalCount;
    const at = (percentile: number): number | null =>
      count === 0 ? null : histogram.getValueAtPercentile(percentile) / microseconds;
    return { count, p50: at(50), p90: at(90), p99: at(99), "p99.9": at(99.9) };
  };
}
