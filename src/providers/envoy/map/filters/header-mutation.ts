import { isEditable, reservedAmong } from "../../../../http/edits.ts";
import { notInTrailers } from "../../../../http/http1/reframe.ts";
import { errorAt, warningAt } from "../../../../lib/findings.ts";
import { loadRegexes } from "../../../../lib/regex.ts";
import { compileTest } from "../../../../model/http/text-test.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { type FieldStep, optionSteps } from "../fields.ts";
import { mapString } from "../match.ts";
import type { ApplyFilter } from "./registry.ts";

/** Tests of names in one list: each is made of each field of a message. */
const mostTests = 16;

/** `HeaderMutation`: the mutations of routes, hosts and tables follow the filter's. */
export const applyHeaderMutation: ApplyFilter = async ({ config, all }, parts, _guards, mapping) => {
  const levels = config.flag("most_specific_header_mutations_wins") === true ? all.toReversed() : all;
  for (const each of [config, ...levels]) {
    const mutations = each.node("mutations");
    if (mutations === undefined) continue;
    for (const [key, steps, isTrailer] of [
      ["request_mutations", parts.requestSteps, false],
      ["response_mutations", parts.responseSteps, false],
      ["request_trailers_mutations", parts.requestTrailerSteps, true],
      ["response_trailers_mutations", parts.responseTrailerSteps, true],
    ] as const) {
      steps.push(...(await mutationSteps(mutations, key, isTrailer, mapping)));
    }
  }
};

/** @param key of the list of mutations in `owner`. */
export async function mutationSteps(
  owner: Node,
  key: string,
  isTrailer: boolean,
  mapping: Mapping,
): Promise<readonly FieldStep[]> {
  const mutations = owner.nodes(key);
  if (mutations.filter((mutation) => mutation.has("remove_on_match")).length > mostTests)
    mapping.report(errorAt(owner.at(key), `has more than ${mostTests} remove_on_match`));
  const steps: FieldStep[] = [];
  for (const mutation of mutations) {
    const name = mutation.text("remove").toLowerCase();
    const matcher = mutation.node("remove_on_match")?.node("key_matcher");
    const option = mutation.node("append");
    if (name !== "") steps.push({ name, action: "remove", value: [] });
    else if (matcher !== undefined) steps.push(...(await removedBy(matcher, mapping)));
    else if (option !== undefined) {
      const added = option.node("header")?.text("key").toLowerCase() ?? "";
      if (isTrailer && notInTrailers.has(added))
        mapping.report(errorAt(option.path, `${added} may not stand behind a body (RFC 9110 section 6.5.1)`));
      steps.push(...optionSteps([option], mapping));
    }
  }
  return steps;
}

/** Names are known in lower case, so that one with a capital letter is nobody's, unless case does not matter. */
async function removedBy(matcher: Node, mapping: Mapping): Promise<readonly FieldStep[]> {
  const test = await mapString(matcher, mapping);
  if (test === undefined) return [];
  const lower = test.value.toLowerCase();
  if (test.kind !== "regex" && !test.ignoreCase && test.value !== lower) return [];
  const regexes = test.kind === "regex" ? await loadRegexes() : undefined;
  const takes = compileTest(test, (pattern, ignoreCase) => regexes!.whole(pattern, ignoreCase));
  const kept = reservedAmong(takes);
  if (kept.length > 0)
    mapping.report(
      warningAt(matcher.path, `leaves ${kept.join(", ")}: they say where a message goes or ends`),
    );
  const isPlain = kept.length === 0 && isEditable(`${lower}x`);
  if (isPlain && test.kind === "exact") return [{ name: lower, action: "remove", value: [] }];
  if (isPlain && test.kind === "prefix") return [{ name: `${lower}*`, action: "remove", value: [] }];
  return [{ test, takes }];
}
