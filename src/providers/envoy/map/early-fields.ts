import { FieldEdits } from "../../../http/edits.ts";
import { errorAt } from "../../../lib/findings.ts";
import type { FieldChanges } from "../../../model/http/route.ts";
import type { Template } from "../../../model/http/template.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { foldSteps } from "./fields.ts";
import { mutationSteps } from "./filters/header-mutation.ts";

const early = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

/** Changes of requests' fields before anything looks at them, one for each extension. */
export async function mapEarlyFields(manager: Node, mapping: Mapping): Promise<readonly FieldChanges[]> {
  const found: FieldChanges[] = [];
  for (const extension of manager.nodes("early_header_mutation_extensions")) {
    const config = extension.extension("typed_config");
    if (config === undefined || !("type" in config) || config.type.name !== early) {
      mapping.report(errorAt(extension.path, `expected ${early}`));
      continue;
    }
    const changes = foldSteps(await mutationSteps(config, "mutations", false, mapping));
    const fault = faultOf(changes);
    if (fault !== undefined) mapping.report(errorAt(config.path, fault));
    found.push(changes);
  }
  return found;
}

const plainOf = (template: Template): string =>
  template.filter((piece) => typeof piece === "string").join("");

/** @returns why they can't be made. */
function faultOf({ set, add, remove, more = [], removeMatching = [] }: FieldChanges): string | undefined {
  if (removeMatching.some(({ kind }) => kind === "regex"))
    return "removes fields by a regular expression, which umay can't do so early; expected exact, prefix, suffix or contains";
  const plain = (fields: typeof set): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainOf(value)]));
  try {
    new FieldEdits<undefined>({
      set: plain(set),
      add: plain(add),
      remove,
      more: more.map((each) => ({ ...each, value: plainOf(each.value) })),
    });
    return undefined;
  } catch (error) {
    return (error as RangeError).message;
  }
}
