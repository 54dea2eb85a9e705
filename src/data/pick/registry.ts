import type { PickerSpec, PickerType } from "../../model/pool.ts";
import { ConsistentHashPicker } from "./consistent-hash.ts";
import { LeastConnectionPicker } from "./least-connection.ts";
import { PeakEwmaPicker } from "./peak-ewma.ts";
import type { Picker, PickerInputs } from "./picker.ts";
import { PowerOfTwoPicker } from "./power-of-two.ts";
import { RandomPicker } from "./random.ts";
import { RoundRobinPicker } from "./round-robin.ts";

/** Every picker of the model: one that is missing here does not compile. */
const pickers = {
  "round-robin": RoundRobinPicker,
  random: RandomPicker,
  "least-connection": LeastConnectionPicker,
  "power-of-two": PowerOfTwoPicker,
  "peak-ewma": PeakEwmaPicker,
  "consistent-hash": ConsistentHashPicker,
} as const satisfies Record<PickerType, new (inputs: PickerInputs, spec: never) => Picker>;

/** Builds the picker that a pool's configuration names. */
export function createPicker(spec: PickerSpec, inputs: PickerInputs): Picker {
  switch (spec.type) {
    case "consistent-hash":
      return new pickers[spec.type](inputs, spec);
    case "peak-ewma":
      return new pickers[spec.type](inputs, spec);
    default:
      return new pickers[spec.type](inputs);
  }
}
