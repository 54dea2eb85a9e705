/** A metric without its values. */
export interface Metric {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Unit of the values; "" for a count, and for 0 or 1. */
  readonly unit: "" | "bytes" | "seconds";
  /** Upper bounds of a histogram's buckets in its unit, in rising order. */
  readonly bounds?: readonly number[];
}

/** Bounds for work that takes milliseconds when all is well. */
export const shortTimes = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Bounds from a cached answer to a report that takes minutes. */
export const requestTimes = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];
/** Bounds from one request to a connection that lives for a day. */
export const longTimes = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];
