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

const stepsOf = (mutations: readonly Node[], mapping: Mapping): readonly FieldStep[] =>
  mutations.flatMap((mutation): readonly FieldStep[] => {
    const name = mutation.text("remove");
    if (name !== "") return [{ name: name.toLowerCase(), action: "remove", value: [] }];
    const option = mutation.node("append");
    return option === undefined ? [] : optionSteps([option], mapping);
  });
