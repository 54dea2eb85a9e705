import type { PlacedBackend } from "../../model/backend.ts";
import type { PeakEwmaSpec } from "../../model/pool.ts";
import { Latencies } from "./latency.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { presentWeight, wholeWeight } from "./slow-start.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/**
 * What a backend that was never measured is expected to take while a session waits for its first answer, in
 * microseconds: one session finds out, and others wait for what it finds.
 */
const unmeasured = 1_000_000;

/**
 * Of two different backends, both drawn in proportion to their weights, the one whose answer is expected sooner: its
 * latency times one more than its active connections for its weight, a mean weight being 1. Between equals the first
 * draw wins, so that an idle pool of equally fast backends follows the weights.
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
    const one = this.#draw.draw(context, -1);
    if (one === -1) return undefined;
    const first = this.#backends[one]!;
    const two = this.#draw.draw(context, one);
    if (two === -1) return first;
    const second = this.#backends[two]!;
    const firstActive = this.#active[first.slot]!;
    const secondActive = this.#active[second.slot]!;
    const firstWeight = presentWeight(first, this.#withheld);
    const secondWeight = presentWeight(second, this.#withheld);
    // Both sides are multiplied by both weights, because a quotient would be a rounded fraction.
    const firstWait = this.#latency(first.slot, firstActive) * (firstActive * this.#meanWeight + firstWeight);
    const secondWait =
      this.#latency(second.slot, secondActive) * (secondActive * this.#meanWeight + secondWeight);
    return secondWait * firstWeight < firstWait * secondWeight ? second : first;
  }

  #latency(slot: number, active: number): number {
    const expected = this.#latencies.expected(slot);
    return expected === 0 && active > 0 ? unmeasured : expected;
  }
}
