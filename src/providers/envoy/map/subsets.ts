import { errorAt } from "../../../lib/findings.ts";
import type { SubsetRule } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { labelsIn } from "./labels.ts";

/** The parts of a cluster that routes may ask for; undefined: there are none. */
export function mapSubsets(config: Node | undefined, { report }: Mapping): SubsetRule | undefined {
  const selectors = (config?.nodes("subset_selectors") ?? []).map((selector) => selector.texts("keys"));
  if (config === undefined || selectors.length === 0) return undefined;
  for (const [index, keys] of selectors.entries())
    if (keys.length === 0) report(errorAt(config.nodes("subset_selectors")[index]!.path, "expected keys"));
  return { selectors, otherwise: otherwiseOf(config) };
}

function otherwiseOf(config: Node): SubsetRule["otherwise"] {
  switch (config.text("fallback_policy")) {
    case "ANY_ENDPOINT":
      return "any";
    case "DEFAULT_SUBSET":
      // Without labels, it is all of them.
      return labelsIn(config.text("default_subset") || "{}") ?? "any";
    default:
      return "none";
  }
}
