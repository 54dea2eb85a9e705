import type { PlacedBackend } from "../../model/backend.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { wholeWeight } from "./slow-start.ts";

/**
 * The backend whose load for its weight would be the least with one more connection: the least (active + 1) / weight.
 * Exact over all workers, because they count in shared memory. Between equals, the first after the last one picked.
 */
export class LeastConnectionPicker implements Picker {
  readonly #backends: readonly PlacedBackend[];
  readonly #slots: Int32Array;
  readonly #weights: Int32Array;
  readonly #active: Int32Array;
  readonly #withheld: Int32Array;
  #start: number;

  constructor(inputs: PickerInputs) {
    this.#backends = inputs.backends;
    this.#slots = Int32Array.from(inputs.backends, (backend) => backend.slot);
    this.#weights = Int32Array.from(inputs.backends, (backend) => backend.weight);
    this.#active = inputs.active;
    this.#withheld = inputs.withheld;
    // Anywhere: workers and rebuilt pickers that all began with the first backend would prefer it.
    this.#start = Math.floor(inputs.random() * inputs.backends.length);
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const slots = this.#slots;
    const weights = this.#weights;
    const active = this.#active;
    const withheld = this.#withheld;
    const count = slots.length;
    let best = -1;
    // Loads are compared by cross multiplication; to start with, more than any.
    let bestLoad = 1;
    let bestWeight = 0;
    let index = this.#start;
    for (let seen = 0; seen < count; seen++) {
      const slot = slots[index]!;
      const weight = weights[index]!;
      let load = active[slot]! + 1;
      // Only the few that come so far are asked how much of their weight is held back, and whether they may be picked.
      if (load * bestWeight < bestLoad * weight) {
        load = (load * wholeWeight) / (wholeWeight - withheld[slot]!);
        if (load * bestWeight < bestLoad * weight && context.mayPick(this.#backends[index]!)) {
          best = index;
          bestLoad = load;
          bestWeight = weight;
        }
      }
      index = index + 1 === count ? 0 : index + 1;
    }
    if (best === -1) return undefined;
    this.#start = best + 1 === count ? 0 : best + 1;
    return this.#backends[best];
  }
}
