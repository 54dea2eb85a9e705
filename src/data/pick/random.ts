import type { PlacedBackend } from "../../model/backend.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/** Any backend that may be picked, with a probability in proportion to its weight. */
export class RandomPicker implements Picker {
  readonly #backends: readonly PlacedBackend[];
  readonly #draw: WeightedDraw;

  constructor(inputs: PickerInputs) {
    this.#backends = inputs.backends;
    this.#draw = new WeightedDraw(inputs);
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const index = this.#draw.draw(context, -1);
    return index === -1 ? undefined : this.#backends[index];
  }
}
