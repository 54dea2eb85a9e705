import type { PlacedBackend } from "../../model/backend.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { presentWeight } from "./slow-start.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/**
 * The less loaded of two different backends, both drawn in proportion to their weights (Mitzenmacher, "The power of
 * two choices in randomized load balancing", IEEE TPDS 12(10), 2001). Load is active connections per weight; between
 * equals the first draw wins, so an idle pool's sessions follow the weights.
 */
export class PowerOfTwoPicker implements Picker {
  readonly #backends: readonly PlacedBackend[];
  readonly #active: Int32Array;
  readonly #withheld: Int32Array;
  readonly #draw: WeightedDraw;

  constructor(inputs: PickerInputs) {
    this.#backends = inputs.backends;
    this.#active = inputs.active;
    this.#withheld = inputs.withheld;
    this.#draw = new WeightedDraw(inputs);
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const one = this.#draw.draw(context, -1);
    if (one === -1) return undefined;
    const first = this.#backends[one]!;
    const two = this.#draw.draw(context, one);
    if (two === -1) return first;
    const second = this.#backends[two]!;
    // Cross-multiplied, because a quotient would be a rounded fraction.
    const firstLoad = this.#active[first.slot]! * presentWeight(second, this.#withheld);
    const secondLoad = this.#active[second.slot]! * presentWeight(first, this.#withheld);
    return secondLoad < firstLoad ? second : first;
  }
}
