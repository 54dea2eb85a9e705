import type { PickerSpec, PickerType } from "../../model/pool.ts";
import { ConsistentHashPicker } from "./consistent-hash.ts";
import { LeastConnectionPicker } from "./least-connection.ts";
import { PeakEwmaPicker } from "./peak-ewma.ts";
import type { Picker, PickerInputs } from "./picker.ts";
import { PowerOfTwoPicker } from "./power-of-two.ts";
import { RandomPicker } from "./random.ts";
import { RoundRobinPicker } from "./round-robin.ts";

type SpecOf<P extends PickerType> = Extract<PickerSpec, { readonly type: P }>;

/** Every picker of the model: one that is missing here does not compile. */
const pickers = {
  "round-robin": RoundRobinPicker,
  random: RandomPicker,
  "least-connection": LeastConnectionPicker,
  "power-of-two": PowerOfTwoPicker,
  "peak-ewma": PeakEwmaPicker,
  "consistent-hash": ConsistentHashPicker,
} as const satisfies { readonly [P in PickerType]: new (inputs: PickerInputs, spec: SpecOf<P>) => Picker };

/** Builds the picker that a pool's configuration names. */
export function createPicker(spec: PickerSpec, inputs: PickerInputs): Picker {
  // The compiler can't see that the entry found by a spec's type takes that spec.
  const Chosen = pickers[spec.type] as new (inputs: PickerInputs, spec: PickerSpec) => Picker;
  return new Chosen(inputs, spec);
}
