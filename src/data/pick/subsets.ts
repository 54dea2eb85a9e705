import type { PlacedBackend } from "../../model/backend.ts";
import { type Labels, type SubsetRule, subsetName } from "../../model/subset.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { type Part, planOf } from "./subset-plan.ts";

/** Builds the picker of a part, or of all. @param before the one of the same part until now. */
type Build = (backends: readonly PlacedBackend[], before: Picker | undefined) => Picker;

/** A picker for each part of a pool that a route may ask for, and for all of it. */
export class SubsetPicker implements Picker {
  readonly #rule: SubsetRule;
  readonly #parts: ReadonlyMap<string, Picker>;
  /** Undefined: no plan leads there. */
  readonly #any: Picker | undefined;
  readonly #usual: Picker | undefined;
  /** By the labels that a route asks for, which stay the same object: the pickers that are asked, in turn. */
  readonly #plans = new WeakMap<Labels, readonly Picker[]>();
  readonly #usualPlan: readonly Picker[];

  constructor(rule: SubsetRule, { backends, previous }: PickerInputs, build: Build) {
    const before = SubsetPicker.#pickersOf(previous);
    const scaled = rule.scalesLocalities === true ? scaling(backends) : (members: PlacedBackend[]) => members;
    const ends = new Set([rule.otherwise, ...rule.selectors.map(({ otherwise }) => otherwise)]);
    const usual = backends.filter((backend) => hasLabels(backend, rule));
    this.#rule = rule;
    if (ends.has("any") || rule.anyAtLast === true) this.#any = build(backends, before.any);
    if (ends.has("usual")) this.#usual = build(scaled(usual), before.usual);
    this.#parts = new Map(
      [...partsOf(backends, rule)].map(([name, members]) => [
        name,
        build(scaled(members), before.parts?.get(name)),
      ]),
    );
    this.#usualPlan = this.#planFor(undefined);
  }

  /** Those that go on from where they are. */
  static #pickersOf(previous: Picker | undefined): {
    readonly parts?: ReadonlyMap<string, Picker>;
    readonly any?: Picker | undefined;
    readonly usual?: Picker | undefined;
  } {
    if (!(previous instanceof SubsetPicker)) return { any: previous };
    return { parts: previous.#parts, any: previous.#any, usual: previous.#usual };
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const plan = this.#planOf(context.key.subset);
    for (let index = 0; index < plan.length; index++) {
      const backend = plan[index]!.pick(context);
      if (backend !== undefined) return backend;
    }
    return undefined;
  }

  #planOf(labels: Labels | undefined): readonly Picker[] {
    if (labels === undefined) return this.#usualPlan;
    const known = this.#plans.get(labels);
    if (known !== undefined) return known;
    const made = this.#planFor(labels);
    this.#plans.set(labels, made);
    return made;
  }

  #planFor(labels: Labels | undefined): readonly Picker[] {
    return planOf(this.#rule, labels, (part) => this.#parts.has(part)).map((part) => this.#pickerOf(part));
  }

  #pickerOf(part: Part): Picker {
    if (typeof part === "object") return this.#parts.get(part.part)!;
    return (part === "any" ? this.#any : this.#usual)!;
  }
}

/** Whether it has the usual labels. */
function hasLabels({ labels }: PlacedBackend, rule: SubsetRule): boolean {
  return Object.entries(rule.usual).every(([key, value]) => {
    const own = labels?.[key];
    return own === value || (own !== undefined && valuesOf(own, rule).includes(value));
  });
}

/** The values by which a label, in JSON, is selected. */
function valuesOf(value: string, { listsAsAny }: SubsetRule): readonly string[] {
  if (listsAsAny !== true || !value.startsWith("[")) return [value];
  return (JSON.parse(value) as unknown[]).map((each) => JSON.stringify(each));
}

/** A backend with lists among its labels is in no more parts than these by one selector. */
const mostParts = 256;

/** By the name of the part. */
function partsOf(backends: readonly PlacedBackend[], rule: SubsetRule): ReadonlyMap<string, PlacedBackend[]> {
  const parts = new Map<string, PlacedBackend[]>();
  for (const backend of backends)
    for (const { keys } of rule.selectors)
      for (const labels of combinations(backend, keys, rule)) {
        const name = subsetName(labels);
        const members = parts.get(name);
        if (members === undefined) parts.set(name, [backend]);
        else if (members.at(-1) !== backend) members.push(backend);
      }
  return parts;
}

/** Each combination of the values that a backend has of these keys; none where it lacks one of them. */
function combinations({ labels }: PlacedBackend, keys: readonly string[], rule: SubsetRule): Labels[] {
  let found: Labels[] = [{}];
  for (const key of keys) {
    const value = labels?.[key];
    const values = value === undefined ? [] : valuesOf(value, rule);
    found = found.flatMap((before) => values.map((each) => ({ ...before, [key]: each }))).slice(0, mostParts);
  }
  return found;
}

/** Makes localities weigh as much less in a part as fewer of their backends are in it, by whole numbers. */
function scaling(all: readonly PlacedBackend[]): (members: PlacedBackend[]) => readonly PlacedBackend[] {
  const whole = countPlaces(all);
  return (members) => {
    const part = countPlaces(members);
    return members.map((backend) => {
      const { locality } = backend;
      if (locality === undefined) return backend;
      const share = part.get(placeOf(backend))! / whole.get(placeOf(backend))!;
      return { ...backend, locality: { ...locality, weight: Math.round(locality.weight * share) } };
    });
  };
}

const placeOf = ({ tier, locality }: PlacedBackend): string => `${tier} ${locality?.name ?? ""}`;

function countPlaces(backends: readonly PlacedBackend[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const backend of backends) counts.set(placeOf(backend), (counts.get(placeOf(backend)) ?? 0) + 1);
  return counts;
}
