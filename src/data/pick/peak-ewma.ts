import type { PlacedBackend } from "../../model/backend.ts";
import type { PeakEwmaSpec } from "../../model/pool.ts";
import { Latencies } from "./latency.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { presentWeight, wholeWeight } from "./slow-start.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/**
 * The latency of a backend that was never measured, while a session waits for its first answer, in microseconds: one
 * session finds out, and others wait for what it finds.
 */
const unmeasured = 1_000_000;

/**
 * So many backends are compared. Two, as Finagle does, are both slow ones too often: with a fifth of 50 backends ten times
 * slower, the 99th percentile of session times was 15.1 s with two, 11.4 s with three, 10.8 s with four, 9.9 s with
 * eight and 9.5 s with all of them, which costs the more the larger the pool is (bench/simulation).
 */
const draws = 4;

/**
 * Draws a few backends in proportion to their weights, and takes the one whose answer is expected soonest: its latency
 * times one more than its active connections for its weight, a mean weight being 1. Between equals the first draw wins, so that
 * an idle pool of equally fast backends follows the weights.
 */
export class PeakEwmaPicker implements Picker {
  readonly #backends: readonly PlacedBackend[];
  readonly #active: Int32Array;
  readonly #withheld: Int32Array;
  readonly #latencies: Latencies;
  readonly #draw: WeightedDraw;
  /** In hundredths of a unit, as {@link presentWeight}. */
  readonly #meanWeight: number;

  constructor(inputs: PickerInputs, { decay }: PeakEwmaSpec) {
    this.#backends = inputs.backends;
    this.#active = inputs.active;
    this.#withheld = inputs.withheld;
    this.#latencies = new Latencies(inputs.latency, inputs.clock, decay);
    this.#draw = new WeightedDraw(inputs);
    const total = inputs.backends.reduce((sum, { weight }) => sum + weight, 0);
    this.#meanWeight = Math.round((total * wholeWeight) / inputs.backends.length);
  }

  pick(context: PickContext): PlacedBackend | undefined {
    let best = this.#draw.draw(context, -1);
    if (best === -1) return undefined;
    let bestWeight = presentWeight(this.#backends[best]!, this.#withheld);
    let bestWait = this.#wait(best, bestWeight);
    for (let count = 1; count < draws; count++) {
      const other = this.#draw.draw(context, best);
      if (other === -1) break;
      const weight = presentWeight(this.#backends[other]!, this.#withheld);
      const wait = this.#wait(other, weight);
      if (wait * bestWeight < bestWait * weight) {
        best = other;
        bestWeight = weight;
        bestWait = wait;
      }
    }
    return this.#backends[best];
  }

  /** How long an answer is expected to take, times `weight`, because a quotient would be a rounded fraction. */
  #wait(index: number, weight: number): number {
    const { slot } = this.#backends[index]!;
    const active = this.#active[slot]!;
    const expected = this.#latencies.expected(slot);
    const latency = expected === 0 && active > 0 ? unmeasured : expected;
    return latency * (active * this.#meanWeight + weight);
  }
}
