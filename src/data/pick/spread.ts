import { hashString } from "../../lib/hash.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";

/** How long shares count, in milliseconds: to find them out, every backend is looked at. */
const shareAge = 100;

/** Backends that are picked among each other. */
export interface Group {
  readonly picker: Picker;
  readonly backends: readonly PlacedBackend[];
  /** The part of the picks that it takes, from 0 to 1. */
  share: number;
}

/** Sets the share of each group anew. All of them together have 1, or 0 where none may be picked. */
export type SetShares = (groups: readonly Group[], flags: Int32Array) => void;

/** Groups of backends that share the picks by chance. A key stays in its group as long as shares do. */
export class SpreadPicker<Name> implements Picker {
  /** By name, in the order in which they are asked where the one that was drawn has no backend. */
  readonly pickers: ReadonlyMap<Name, Picker>;
  readonly #groups: readonly Group[];
  readonly #setShares: SetShares;
  readonly #inputs: PickerInputs;
  /** Of keys: groups within groups are to be chosen by other bits of them. */
  readonly #seed: number;
  #since = Number.NEGATIVE_INFINITY;

  constructor(
    groups: ReadonlyMap<Name, Pick<Group, "picker" | "backends">>,
    setShares: SetShares,
    inputs: PickerInputs,
    seed: number,
  ) {
    this.pickers = new Map([...groups].map(([name, { picker }]) => [name, picker]));
    this.#groups = [...groups.values()].map((group) => ({ ...group, share: 0 }));
    this.#setShares = setShares;
    this.#inputs = inputs;
    this.#seed = seed;
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const { now } = this.#inputs.clock;
    if (now - this.#since > shareAge) {
      this.#since = now;
      this.#setShares(this.#groups, this.#inputs.flags);
    }
    const drawn = this.#draw(context);
    return drawn?.picker.pick(context) ?? this.#first(context, drawn);
  }

  #draw({ key }: PickContext): Group | undefined {
    let left =
      key.key === undefined ? this.#inputs.random() : (hashString(key.key, this.#seed) >>> 0) / 2 ** 32;
    for (const group of this.#groups) {
      left -= group.share;
      if (left < 0) return group;
    }
    return undefined;
  }

  #first(context: PickContext, asked: Group | undefined): PlacedBackend | undefined {
    for (const group of this.#groups) {
      const backend = group === asked ? undefined : group.picker.pick(context);
      if (backend !== undefined) return backend;
    }
    return undefined;
  }
}
