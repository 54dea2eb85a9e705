/**
 * Uniform random integers without allocation. `Math.random` and every other function that returns a fraction costs
 * 16 bytes of heap per call, unless the compiler happens to inline it, so pickers take from it only the seed.
 * Doty-Humphrey's sfc32: 128 bits of state, passes PractRand; not for secrets.
 */
export class Draws {
  readonly #state = new Int32Array(4);

  /** @param random uniform in [0, 1); called three times. */
  constructor(random: () => number) {
    for (let index = 0; index < 3; index++) this.#state[index] = Math.floor(random() * 2 ** 32);
    this.#state[3] = 1;
    for (let round = 0; round < 12; round++) this.bits();
  }

  /** @returns an integer from 0 to 2^31 − 1. */
  bits(): number {
    const state = this.#state;
    const b = state[1]!;
    const c = state[2]!;
    const sum = (state[0]! + b + state[3]!) | 0;
    state[3]!++;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 1;
  }

  /** @returns an integer from 0 to `limit` − 1; `limit` is at most 2^29. Above 2^22 the last bits are rounded. */
  below(limit: number): number {
    return Math.floor((this.bits() * limit) / 2 ** 31);
  }
}
