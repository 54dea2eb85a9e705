import type { CounterMemory } from "../../channel/counters.ts";
import { type MetricName, metrics } from "../../observe/metrics.ts";
import { cumulate } from "./histograms.ts";
import type { MetricsInput } from "./readings.ts";

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it differs from the metric's name: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** Tells the values of a metric, now. */
export type Collector = (input: MetricsInput) => readonly Sample[];

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
