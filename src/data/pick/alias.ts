/**
 * Draws an index with a probability in proportion to its weight, in constant time.
 * Walker's alias method as Vose builds it ("A linear algorithm for generating random numbers with a given
 * distribution", IEEE TSE 17(9), 1991): every index owns one column, which it shares with at most one other index.
 */
export class AliasTable {
  /** The part of a column that belongs to its own index. */
  readonly #own: Float64Array;
  /** The index that the rest of the column belongs to. */
  readonly #other: Uint16Array;

  /** @param weights positive; at most 65,536 of them. */
  constructor(weights: readonly number[]) {
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    const own = Float64Array.from(weights, (weight) => weight / mean);
    this.#own = own;
    this.#other = Uint16Array.from(weights.keys());
    const small: number[] = [];
    const large: number[] = [];
    for (const index of weights.keys()) (own[index]! < 1 ? small : large).push(index);
    while (small.length > 0 && large.length > 0) {
      const poor = small.pop()!;
      const rich = large.at(-1)!;
      this.#other[poor] = rich;
      own[rich]! -= 1 - own[poor]!;
      if (own[rich]! < 1) small.push(large.pop()!);
    }
    // Rounding can leave either list with columns that are full but for an ulp.
    for (const index of small.concat(large)) own[index] = 1;
  }

  /** @param bits uniform from 0 to 2^31 − 1; the high ones choose the column, the rest its part. */
  draw(bits: number): number {
    const point = (bits * this.#own.length) / 2 ** 31;
    const column = Math.floor(point);
    return point - column < this.#own[column]! ? column : this.#other[column]!;
  }
}
