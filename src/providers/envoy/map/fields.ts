import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { TextTest } from "../../../model/http/match.ts";
import type { FieldChange, FieldChanges } from "../../../model/http/route.ts";
import type { Template } from "../../../model/http/template.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { mapTemplate } from "./operators.ts";

type Action = "append" | "add-if-absent" | "overwrite" | "overwrite-if-present" | "remove";

/** Changes follow each other, as in Envoy. */
export type FieldStep = NamedStep | MatchingStep | JointStep;

/** Changes that are made at once: each looks at the fields before them, and what overwrites comes before what is added. */
interface JointStep {
  readonly joint: readonly NamedStep[];
}

/** Removes every field whose name passes a test. */
export interface MatchingStep {
  readonly test: TextTest;
  /** The same test. */
  readonly takes: (name: string) => boolean;
}

/** One change of one field. */
interface NamedStep {
  /** In lower case. With a `*` at its end it stands for all that begin so, and is removed. */
  readonly name: string;
  readonly action: Action;
  /** Empty for `remove`. */
  readonly value: Template;
}

const actions: Readonly<Record<string, Action>> = {
  APPEND_IF_EXISTS_OR_ADD: "append",
  ADD_IF_ABSENT: "add-if-absent",
  OVERWRITE_IF_EXISTS_OR_ADD: "overwrite",
  OVERWRITE_IF_EXISTS: "overwrite-if-present",
};

/** The steps of one level: what it removes, and then what it adds. */
export function levelSteps(
  level: Node,
  side: "request" | "response",
  mapping: Mapping,
): readonly FieldStep[] {
  const removed = level.texts(`${side}_headers_to_remove`);
  return [
    ...removed.map((name): NamedStep => ({ name: name.toLowerCase(), action: "remove", value: [] })),
    ...optionSteps(level.nodes(`${side}_headers_to_add`), mapping),
  ];
}

/** The step of `HeaderValueOption`s in one list. */
export function optionSteps(options: readonly Node[], mapping: Mapping): readonly FieldStep[] {
  const joint = options.flatMap((option) => stepOf(option, mapping) ?? []);
  return joint.length === 0 ? [] : [{ joint }];
}

function stepOf(option: Node, mapping: Mapping): NamedStep | undefined {
  const header = option.node("header");
  const name = header?.text("key").toLowerCase() ?? "";
  if (header === undefined || !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) {
    mapping.report(errorAt(header?.at("key") ?? option.path, "is no name of a header that can be changed"));
    return undefined;
  }
  if (option.flag("keep_empty_value") === true)
    mapping.report(
      warningAt(
        option.at("keep_empty_value"),
        "has no effect: a value that turns out to be empty makes no field",
      ),
    );
  const value = mapTemplate(header.text("value"), header.at("value"), mapping);
  const action = option.flag("append") === false ? "overwrite" : actions[option.text("append_action")];
  return value && { name, action: action ?? "append", value };
}

/** The state of one field after some steps. */
interface Folded {
  /** Whether the message's own fields are left out. */
  readonly drops: boolean;
  /** The values that are added where the message has such a field, and where it has none. */
  readonly present: readonly Template[];
  readonly absent: readonly Template[];
}

const untouched: Folded = { drops: false, present: [], absent: [] };
const removed: Folded = { drops: true, present: [], absent: [] };

/** A field after steps of its name that are made at once. */
function change({ drops, present, absent }: Folded, steps: readonly NamedStep[]): Folded {
  if (steps.some(({ action }) => action === "remove")) return removed;
  const made = (values: readonly Template[], isThere: boolean): readonly Template[] => {
    const over = steps.findLast(
      ({ action }) => action === "overwrite" || (isThere && action === "overwrite-if-present"),
    );
    const added = steps.filter(
      ({ action }) => action === "append" || (!isThere && action === "add-if-absent"),
    );
    return [...(over === undefined ? values : [over.value]), ...added.map(({ value }) => value)];
  };
  return {
    drops: drops || steps.some(({ action }) => action.startsWith("overwrite")),
    present: made(present, !drops || present.length > 0),
    absent: made(absent, absent.length > 0),
  };
}

/** How many values at the end of both are the same. */
function countShared({ present, absent }: Folded): number {
  let count = 0;
  while (count < present.length && present.at(-1 - count) === absent.at(-1 - count)) count++;
  return count;
}

/** The test of a name with a `*` at its end; undefined: it is one name. */
function beginTest(name: string): ((other: string) => boolean) | undefined {
  if (!name.endsWith("*")) return undefined;
  const begin = name.slice(0, -1);
  return (other) => other.startsWith(begin);
}

/** Makes of steps that follow each other changes that are made at once. */
export function foldSteps(steps: readonly FieldStep[]): FieldChanges {
  const fields = new Map<string, Folded>();
  /** Tests of names, all of whose fields are gone. */
  const gone: ((name: string) => boolean)[] = [];
  const removeMatching = steps.flatMap((each) => ("test" in each ? each.test : []));
  for (const each of steps) {
    const takes = "test" in each ? each.takes : "name" in each ? beginTest(each.name) : undefined;
    if (takes !== undefined) {
      gone.push(takes);
      for (const name of fields.keys()) if (takes(name)) fields.set(name, removed);
    }
    if ("test" in each) continue;
    for (const [name, changes] of Map.groupBy("joint" in each ? each.joint : [each], (one) => one.name)) {
      const before = gone.some((isGone) => isGone(name)) ? removed : untouched;
      fields.set(name, change(fields.get(name) ?? before, changes));
    }
  }
  const set: [string, Template][] = [];
  const add: [string, Template][] = [];
  const remove: string[] = [];
  const more: FieldChange[] = [];
  for (const [name, folded] of fields) {
    const { drops, present, absent } = folded;
    const shared = countShared(folded);
    const as =
      (when: FieldChange["when"]) =>
      (value: Template): FieldChange => ({ name, value, when });
    const special = [
      ...present.slice(0, present.length - shared).map(as("present")),
      ...absent.slice(0, absent.length - shared).map(as("absent")),
    ];
    const always = absent.slice(absent.length - shared);
    if (special.length > 0) more.push(...special, ...always.map(as("always")));
    else if (always.length > 0) {
      (drops ? set : add).push([name, always[0]!]);
      more.push(...always.slice(1).map(as("always")));
    } else if (drops) remove.push(name);
  }
  // A field may be named as what every object has.
  return {
    set: Object.fromEntries(set),
    add: Object.fromEntries(add),
    remove,
    ...(removeMatching.length > 0 && { removeMatching }),
    ...(more.length > 0 && { more }),
    skipsEmpty: true,
  };
}

/**
 * The changes of fields by some levels, the most specific first: Envoy makes them in this order, so the most general has the
 * last word, unless the table says otherwise.
 */
export function mapFields(
  levels: readonly Node[],
  side: "request" | "response",
  specificWins: boolean,
  mapping: Mapping,
): readonly FieldStep[] {
  const ordered = specificWins ? levels.toReversed() : levels;
  return ordered.flatMap((level) => levelSteps(level, side, mapping));
}
