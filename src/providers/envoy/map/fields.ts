import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { TextTest } from "../../../model/http/match.ts";
import type { FieldChange, FieldChanges } from "../../../model/http/route.ts";
import type { Template } from "../../../model/http/template.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { mapTemplate } from "./operators.ts";

type Action = "append" | "add-if-absent" | "overwrite" | "overwrite-if-present" | "remove";

/** A change, as Envoy makes them: one after the other. */
export type FieldStep = NamedStep | MatchingStep;

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

/** The steps of `HeaderValueOption`s. */
export const optionSteps = (options: readonly Node[], mapping: Mapping): readonly FieldStep[] =>
  options.flatMap((option) => stepOf(option, mapping) ?? []);

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
  readonly values: readonly Template[];
  /** For a field that the message has, or has not. */
  readonly conditional: FieldChange | undefined;
}

const untouched: Folded = { drops: false, values: [], conditional: undefined };
const removed: Folded = { drops: true, values: [], conditional: undefined };

function step({ drops, values, conditional }: Folded, { name, action, value }: NamedStep): Folded {
  const isThere = values.length > 0;
  switch (action) {
    case "remove":
      return removed;
    case "overwrite":
      return { drops: true, values: [value], conditional: undefined };
    case "append":
      return { drops, values: [...values, value], conditional };
    case "add-if-absent":
      if (isThere || conditional?.when === "absent") return { drops, values, conditional };
      if (drops) return { drops, values: [value], conditional };
      return { drops, values, conditional: { name, value, when: "absent" } };
    case "overwrite-if-present":
      if (isThere || conditional?.when === "absent")
        return { drops: true, values: [value], conditional: undefined };
      return drops
        ? { drops, values, conditional }
        : { drops, values, conditional: { name, value, when: "present" } };
  }
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
    const takes = "test" in each ? each.takes : beginTest(each.name);
    if (takes !== undefined) {
      gone.push(takes);
      for (const name of fields.keys()) if (takes(name)) fields.set(name, removed);
    }
    if ("test" in each) continue;
    const before = gone.some((isGone) => isGone(each.name)) ? removed : untouched;
    fields.set(each.name, step(fields.get(each.name) ?? before, each));
  }
  const set: Record<string, Template> = {};
  const add: Record<string, Template> = {};
  const remove: string[] = [];
  const more: FieldChange[] = [];
  for (const [name, { drops, values, conditional }] of fields) {
    const [first, ...others] = values;
    if (first !== undefined) (drops ? set : add)[name] = first;
    else if (drops) remove.push(name);
    if (conditional !== undefined) more.push(conditional);
    more.push(...others.map((value): FieldChange => ({ name, value, when: "always" })));
  }
  return {
    set,
    add,
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
