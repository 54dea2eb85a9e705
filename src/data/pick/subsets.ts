import type { PlacedBackend } from "../../model/backend.ts";
import { type SubsetRule, subsetName } from "../../model/pool.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";

/** Builds the picker of a part, or of all. @param before the one of the same part until now. */
type Build = (backends: readonly PlacedBackend[], before: Picker | undefined) => Picker;

/** A picker for each part of a pool that a route may ask for, and for all of it. */
export class SubsetPicker implements Picker {
  readonly #parts = new Map<string, Picker>();
  readonly #all: Picker;
  /** Where none is asked for that there is; undefined: nobody is picked. */
  readonly #otherwise: Picker | undefined;

  constructor({ selectors, otherwise }: SubsetRule, { backends, previous }: PickerInputs, build: Build) {
    const before = previous instanceof SubsetPicker ? previous : undefined;
    const parts = before === undefined ? new Map<string, Picker>() : before.#parts;
    this.#all = build(backends, before === undefined ? previous : before.#all);
    for (const [name, members] of partsOf(backends, selectors))
      this.#parts.set(name, build(members, parts.get(name)));
    this.#otherwise =
      otherwise === "any"
        ? this.#all
        : otherwise === "none"
          ? undefined
          : this.#withLabels(otherwise, backends, build);
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const { subset } = context.key;
    const part = subset === undefined ? undefined : this.#parts.get(subset);
    return (part ?? this.#otherwise)?.pick(context);
  }

  #withLabels(
    labels: Readonly<Record<string, string>>,
    backends: readonly PlacedBackend[],
    build: Build,
  ): Picker {
    const known = this.#parts.get(subsetName(labels));
    const members = backends.filter((backend) =>
      Object.entries(labels).every(([key, value]) => backend.labels?.[key] === value),
    );
    return known ?? build(members, undefined);
  }
}

/** By the name of the part. */
function partsOf(
  backends: readonly PlacedBackend[],
  selectors: SubsetRule["selectors"],
): ReadonlyMap<string, readonly PlacedBackend[]> {
  const parts = new Map<string, PlacedBackend[]>();
  for (const backend of backends)
    for (const keys of selectors) {
      const { labels } = backend;
      if (labels === undefined || !keys.every((key) => labels[key] !== undefined)) continue;
      const name = subsetName(Object.fromEntries(keys.map((key) => [key, labels[key]!])));
      const members = parts.get(name);
      if (members === undefined) parts.set(name, [backend]);
      else members.push(backend);
    }
  return parts;
}
