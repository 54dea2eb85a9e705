import { errorAt } from "../../../lib/findings.ts";
import type { LocalityRule } from "../../../model/pool.ts";
import type { Labels, SubsetFallback, SubsetRule, SubsetSelector } from "../../../model/subset.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { labelsIn } from "./labels.ts";

/**
 * The parts of a cluster that routes may ask for; undefined: there are none.
 * @param config a `LbSubsetConfig`, or the policy `Subset`.
 */
export function mapSubsets(config: Node | undefined, mapping: Mapping): SubsetRule | undefined {
  if (config === undefined || config.nodes("subset_selectors").length === 0) return undefined;
  const usual = labelsIn(config.text("default_subset"));
  return {
    selectors: config.nodes("subset_selectors").map((selector) => mapSelector(selector, usual, mapping)),
    otherwise: fallbackOf(config, usual) ?? "none",
    usual,
    ...(config.flag("panic_mode_any") === true && { anyAtLast: true }),
    ...(config.flag("list_as_any") === true && { listsAsAny: true }),
    ...(config.kind === "Subset" && config.flag("allow_redundant_keys") === true && { ignoresOthers: true }),
    ...(config.text("metadata_fallback_policy") === "FALLBACK_LIST" && { listsFallbacks: true }),
    ...(config.flag("scale_locality_weight") === true && { scalesLocalities: true }),
  };
}

/** Weights of localities count where a cluster has parts only if they are asked for. */
export const localitiesWithin = (
  config: Node | undefined,
  localities: LocalityRule | undefined,
): LocalityRule | undefined =>
  localities?.by === "weight" && config?.flag("locality_weight_aware") !== true ? undefined : localities;

function mapSelector(selector: Node, usual: Labels, { report }: Mapping): SubsetSelector {
  const keys = [...new Set(selector.texts("keys"))];
  const fewer = [...new Set(selector.texts("fallback_keys_subset"))];
  if (keys.length === 0) report(errorAt(selector.path, "expected keys"));
  if (selector.text("fallback_policy") !== "KEYS_SUBSET") {
    if (fewer.length > 0)
      report(errorAt(selector.at("fallback_keys_subset"), "is for the fallback_policy KEYS_SUBSET"));
    const otherwise = fallbackOf(selector, usual);
    return { keys, ...(otherwise !== undefined && { otherwise }) };
  }
  if (fewer.length === 0 || fewer.length >= keys.length || !fewer.every((key) => keys.includes(key)))
    report(errorAt(selector.at("fallback_keys_subset"), "expected some of the keys, but not all of them"));
  return { keys, otherwise: { keys: fewer.filter((key) => keys.includes(key)) } };
}

/** Undefined: it says none. */
function fallbackOf(owner: Node, usual: Labels): SubsetFallback | undefined {
  switch (owner.text("fallback_policy")) {
    case "ANY_ENDPOINT":
      return "any";
    case "DEFAULT_SUBSET":
      // Without labels, it is all of them.
      return Object.keys(usual).length === 0 ? "any" : "usual";
    case "NO_FALLBACK":
      return "none";
    default:
      return undefined;
  }
}
