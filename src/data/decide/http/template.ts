import { type EditValue, FieldEdits } from "../../../http/edits.ts";
import type { FieldChanges } from "../../../model/http/route.ts";
import type { Piece, Template, Variable } from "../../../model/http/template.ts";
import { type CompileRegex, compileTest } from "../../../model/http/text-test.ts";

/** The values of a template's variables. */
export interface TemplateFacts {
  /** Empty where there is nothing to say. */
  variable(name: Variable): string;
  /** @param name in lower case. @returns undefined where the request has no such field. */
  header(name: string): string | undefined;
  /** Empty where the client's token has no such claim. */
  claim(name: string): string;
}

/** A template as a text, or as a function where something is known only with a request. */
export function compileTemplate(template: Template): EditValue<TemplateFacts> {
  if (template.every((piece) => typeof piece === "string")) return template.join("");
  return (facts) => {
    let text = "";
    for (const piece of template) {
      if (typeof piece === "string") text += piece;
      else text += valueIn(piece, facts);
    }
    return text;
  };
}

function valueIn(piece: Exclude<Piece, string>, facts: TemplateFacts): string {
  if ("variable" in piece) return facts.variable(piece.variable);
  return "claim" in piece ? facts.claim(piece.claim) : (facts.header(piece.header) ?? "");
}

/** @param compileRegex asked for where names are removed by one. @returns undefined where nothing changes. */
export function compileChanges(
  changes: FieldChanges | undefined,
  compileRegex: CompileRegex,
): FieldEdits<TemplateFacts> | undefined {
  if (changes === undefined) return undefined;
  const { set, add, remove, removeMatching = [], more = [], skipsEmpty = false } = changes;
  const tests = removeMatching.map((test) => compileTest(test, compileRegex));
  const count = remove.length + tests.length + more.length;
  if (Object.keys(set).length + Object.keys(add).length + count === 0) return undefined;
  const compile = (fields: Readonly<Record<string, Template>>): Record<string, EditValue<TemplateFacts>> =>
    Object.fromEntries(Object.entries(fields).map(([name, template]) => [name, compileTemplate(template)]));
  return new FieldEdits({
    set: compile(set),
    add: compile(add),
    remove,
    ...(tests.length > 0 && { removes: (name) => tests.some((takes) => takes(name)) }),
    more: more.map(({ name, value, when }) => ({ name, value: compileTemplate(value), when })),
    skipsEmpty,
  });
}
