/**
 * Log-linear histograms in counter memory: 64 linear steps to every power of two, as HdrHistogram has them,
 * so a value is kept with an error below 1.6 %. Values are whole microseconds from 0 to 2^47 (four years).
 */
const linear = 128;
const stepBits = 6;
const steps = 1 << stepBits;
const largestExponent = 46;

/** Cells that one histogram takes: its buckets, then the sum of its values. */
export const histogramCells: number = linear + (largestExponent - stepBits) * steps + 1;
const sumCell = histogramCells - 1;

/** Adds one value to the histogram that starts at `base`. Neither throws nor allocates. */
export function recordValue(cells: Float64Array, base: number, microseconds: number): void {
  const value = Math.max(microseconds, 0);
  cells[base + bucketOf(value)]! += 1;
  cells[base + sumCell]! += value;
}

function bucketOf(value: number): number {
  let small = value;
  let exponent = 0;
  if (value >= 0x4000_0000) {
    small = value / 65_536;
    exponent = 16;
    if (small >= 0x8000_0000) return sumCell - 1;
  }
  const bits = small | 0;
  if (exponent === 0 && bits < linear) return bits;
  const top = 31 - Math.clz32(bits);
  return linear + (top + exponent - stepBits - 1) * steps + ((bits >>> (top - stepBits)) & (steps - 1));
}

/** The middle of a bucket, in microseconds: what a value in it is taken for. */
export function bucketValue(bucket: number): number {
  if (bucket < linear) return bucket;
  const exponent = ((bucket - linear) >> stepBits) + 1;
  const step = (bucket - linear) & (steps - 1);
  return (steps + step + 0.5) * 2 ** exponent;
}

/** The counts of a histogram that several workers keep, added up. */
export interface HistogramTotals {
  /** By bucket, see {@link bucketValue}. */
  readonly counts: Float64Array;
  /** Of all values, in microseconds. */
  readonly sum: number;
}

/** Whether no worker has recorded a value. A value adds to the sum, or is 0 and in the first bucket: two cells say it. */
export function isEmptyHistogram(memories: readonly Float64Array[], base: number): boolean {
  return memories.every((cells) => cells[base + sumCell] === 0 && cells[base] === 0);
}

export function sumHistograms(memories: readonly Float64Array[], base: number): HistogramTotals {
  const counts = new Float64Array(sumCell);
  let sum = 0;
  for (const cells of memories) {
    for (let bucket = 0; bucket < sumCell; bucket++) counts[bucket]! += cells[base + bucket]!;
    sum += cells[base + sumCell]!;
  }
  return { counts, sum };
}
