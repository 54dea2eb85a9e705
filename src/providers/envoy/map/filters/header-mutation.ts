import { beginsReserved, isEditable } from "../../../../http/edits.ts";
import { errorAt } from "../../../../lib/findings.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { type FieldStep, optionSteps } from "../fields.ts";
import type { ApplyFilter } from "./registry.ts";

/** `HeaderMutation`: the route's mutations follow the filter's. */
export const applyHeaderMutation: ApplyFilter = ({ config, own }, parts, _guards, mapping) => {
  for (const each of [config, own]) {
    const mutations = each?.node("mutations");
    if (mutations === undefined) continue;
    parts.requestSteps.push(...stepsOf(mutations.nodes("request_mutations"), mapping));
    parts.responseSteps.push(...stepsOf(mutations.nodes("response_mutations"), mapping));
  }
};

/** Names are known in lower case, so that one with a capital letter is nobody's, unless case does not matter. */
function removedBy(matcher: Node, mapping: Mapping): readonly FieldStep[] {
  const kind = matcher.which("exact", "prefix");
  if (kind === undefined) {
    mapping.report(
      errorAt(matcher.path, "umay removes fields by their name or its begin; expected exact or prefix"),
    );
    return [];
  }
  const text = matcher.text(kind);
  const name = text.toLowerCase();
  if (name !== text && matcher.flag("ignore_case") !== true) return [];
  if (!isEditable(`${name}x`) || (kind === "prefix" && beginsReserved(name))) {
    mapping.report(errorAt(matcher.at(kind), "also takes fields that say where a message goes or ends"));
    return [];
  }
  return [{ name: kind === "exact" ? name : `${name}*`, action: "remove", value: [] }];
}

const stepsOf = (mutations: readonly Node[], mapping: Mapping): readonly FieldStep[] =>
  mutations.flatMap((mutation): readonly FieldStep[] => {
    const name = mutation.text("remove");
    if (name !== "") return [{ name: name.toLowerCase(), action: "remove", value: [] }];
    const matcher = mutation.node("remove_on_match")?.node("key_matcher");
    if (matcher !== undefined) return removedBy(matcher, mapping);
    const option = mutation.node("append");
    return option === undefined ? [] : optionSteps([option], mapping);
  });
