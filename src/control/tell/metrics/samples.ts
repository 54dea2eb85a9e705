import type { CounterMemory } from "../../../channel/counters.ts";
import type { Snapshot } from "../../../model/snapshot.ts";
import { type MetricName, metrics } from "../../../observe/metrics.ts";
import { cumulate } from "../histograms.ts";
import { inTurn, type MetricsInput, type Named } from "../readings.ts";

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it differs from the metric's name: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** Tells the values of a metric, now; those of a thing together, and others may have their turn before the next thing. */
export type Collector = (input: MetricsInput) => Iterable<Sample | readonly Sample[]>;

/** A collector's values, one after the other. */
export function* singly(samples: ReturnType<Collector>): Generator<Sample> {
  for (const some of samples)
    if ("value" in some) yield some;
    else yield* some;
}

/** The samples of things of which there may be very many. */
export const of =
  <T extends Named>(
    things: (snapshot: Snapshot) => readonly T[],
    read: (input: MetricsInput, thing: T) => readonly Sample[],
  ): Collector =>
  (input) =>
    Iterator.from(inTurn(input, things)).map((thing) => read(input, thing));

export function one(value: number, labels: Sample["labels"] = {}): readonly Sample[] {
  return [{ labels, value }];
}

export type HistogramName = {
  [Name in MetricName]: (typeof metrics)[Name]["type"] extends "histogram" ? Name : never;
}[MetricName];

export function histogram(
  name: HistogramName,
  labels: Sample["labels"],
  memories: readonly CounterMemory[],
  base: number,
): readonly Sample[] {
  const { bounds } = metrics[name];
  const { counts, sum } = cumulate(memories, base, bounds);
  return [
    ...counts.map((value, index) => ({
      labels: { ...labels, le: String(bounds[index] ?? "+Inf") },
      value,
      metricName: `${name}_bucket`,
    })),
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: counts.at(-1)!, metricName: `${name}_count` },
  ];
}
