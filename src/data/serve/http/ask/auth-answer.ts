import { isEditable } from "../../../../http/edits.ts";
import type { Fields } from "../../../../http/message.ts";
import { NameSet } from "../../../../http/name-set.ts";
import { readFields } from "../../../../http/scan.ts";
import type { Pass, Verdict } from "../../../guard/step.ts";
import type { RequestView } from "../view.ts";
import type { ForwardJudge } from "./forward-auth.ts";
import { linesOf, textOf } from "./question-head.ts";

/** A verdict after which the route is chosen anew, by the fields as they are then. */
export function rerouting(verdict: Verdict, view: RequestView): Verdict {
  if (verdict.kind !== "pass") return verdict;
  const { requestLines = "", replaces = [], ...rest } = verdict;
  if (requestLines === "" && replaces.length === 0) return verdict;
  const marks = new Uint8Array(view.fields.count);
  new NameSet(replaces).mark(view.fields, marks);
  view.fields = readFields(view.fields.linesExcept(marks) + requestLines);
  return { ...rest, reroutes: true };
}

/** The verdict of a good answer over HTTP. @param fields of it. */
export function passOf(fields: Fields, { auth, passes }: ForwardJudge): Pass {
  let requestLines = linesOf(fields, auth.copy);
  let responseLines = linesOf(fields, auth.copyResponse);
  const replaces = new Set<string>();
  if (passes !== undefined)
    for (let index = 0; index < fields.count; index++) {
      const name = fields.name(index).toLowerCase();
      if (!isEditable(name)) continue;
      const line = `${name}: ${fields.value(index)}\r\n`;
      const isReplaced = passes.replaced(name) && !auth.copy.includes(name);
      if (isReplaced) replaces.add(name);
      if (isReplaced || passes.appended(name)) requestLines += line;
      if (passes.client(name) && !auth.copyResponse.includes(name)) responseLines += line;
    }
  const user = auth.copy.length === 0 ? "" : textOf(fields, auth.copy[0]!);
  return { kind: "pass", user, requestLines, responseLines, replaces: [...replaces] };
}
