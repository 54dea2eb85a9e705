/** Above this sum of weights the weights are rounded; 1,024 backends of any weights stay below. */
const mostPlaces = 2 ** 18;

/**
 * How many places of one round each weight gets: the weights divided by their greatest common divisor. Where the
 * places would be more than 262,144 (half a megabyte), weights are scaled down to about that sum and rounded, at least
 * to 1: with 10,000 backends of mean weight 128 a place more or less is 4 % of the mean share.
 * @param weights integers from 1.
 */
export function placesPerRound(weights: readonly number[]): number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0) / divisor;
  const scale = Math.min(1, mostPlaces / total) / divisor;
  return weights.map((weight) => Math.max(1, Math.round(weight * scale)));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * One round in which index `i` has `places[i]` places, each index's and each class's as evenly spaced as may be.
 * The `m` indexes with the same number of places `w` form a class, which has `m·w` places at equal distances and
 * goes round its members; so 5, 1, 1 gives 0 1 0 0 0 2 0.
 */
export function interleave(places: readonly number[]): Uint16Array {
  const classSizes = new Map<number, number>();
  const ranks = places.map((count) => {
    const rank = classSizes.get(count) ?? 0;
    classSizes.set(count, rank + 1);
    return rank;
  });
  const total = places.reduce((sum, count) => sum + count, 0);
  const position = (index: number, turn: number): number => {
    const count = places[index]!;
    const size = classSizes.get(count)!;
    return Math.floor(((turn * size + ranks[index]! + 0.5) * total) / (size * count));
  };
  // A counting sort by position: on average one entry falls on each, and never two of one class.
  const starts = new Uint32Array(total + 1);
  for (const [index, count] of places.entries()) {
    for (let turn = 0; turn < count; turn++) starts[position(index, turn) + 1]!++;
  }
  for (let place = 0; place < total; place++) starts[place + 1]! += starts[place]!;
  const round = new Uint16Array(total);
  for (const [index, count] of places.entries()) {
    for (let turn = 0; turn < count; turn++) round[starts[position(index, turn)]!++] = index;
  }
  return round;
}
