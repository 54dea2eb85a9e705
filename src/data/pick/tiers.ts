import type { PlacedBackend } from "../../model/backend.ts";
import type { PickerSpec } from "../../model/pool.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { createPicker } from "./registry.ts";

/** The primaries' picker in front of the backups'; a tier without backends has none. */
class TieredPicker implements Picker {
  readonly primaries: Picker | undefined;
  readonly backups: Picker | undefined;

  constructor(primaries: Picker | undefined, backups: Picker | undefined) {
    this.primaries = primaries;
    this.backups = backups;
  }

  pick(context: PickContext): PlacedBackend | undefined {
    return this.primaries?.pick(context) ?? this.backups?.pick(context);
  }
}

/**
 * Builds what a pool picks with: one picker over its primaries and one over its backups, which are asked only when no
 * primary may be picked. Unlike a plain picker's, the backends may be none; then `pick` returns undefined.
 * @param inputs `previous` is an earlier result of this function.
 */
export function createTieredPicker(spec: PickerSpec, inputs: PickerInputs): Picker {
  const previous = inputs.previous instanceof TieredPicker ? inputs.previous : undefined;
  const tier = (backup: boolean, before: Picker | undefined): Picker | undefined => {
    const backends = inputs.backends.filter((backend) => backend.backup === backup);
    return backends.length === 0 ? undefined : createPicker(spec, { ...inputs, backends, previous: before });
  };
  return new TieredPicker(tier(false, previous?.primaries), tier(true, previous?.backups));
}
