/** Facts about a backend, or those that are asked of one, by key; values are in JSON. */
export type Labels = Readonly<Record<string, string>>;

/** The backends that are picked from in place of a part that there is not: none, any, or those with {@link SubsetRule.usual}. */
export type SubsetFallback = "none" | "any" | "usual";

/** Keys of labels. There is a part for each combination of values that backends have of them. */
export interface SubsetSelector {
  readonly keys: readonly string[];
  /**
   * Where no backend has the values that are asked for of just these keys; with `keys`, it is asked again with the labels of
   * these alone, which are fewer. Undefined: as the pool says.
   */
  readonly otherwise?: SubsetFallback | { readonly keys: readonly string[] };
}

/** Parts of a pool that routes may ask for, by labels of backends; as `LbSubsetConfig` of Envoy. */
export interface SubsetRule {
  readonly selectors: readonly SubsetSelector[];
  /** Where a route asks for none that there is. */
  readonly otherwise: SubsetFallback;
  /** Labels of the usual part; without any, it is all of the pool. */
  readonly usual: Labels;
  /** Any backend may be picked where `otherwise` leads to some, and none of these may. Undefined: no. */
  readonly anyAtLast?: true;
  /** A backend whose label is a list has each of its values. Undefined: the list is the value. */
  readonly listsAsAny?: true;
  /** Labels of a route count as far as they are those of a selector, the first of which it has all. Undefined: all count. */
  readonly ignoresOthers?: true;
  /** The label {@link fallbackList} of a route is no label, but a list of labels that replace its own, in turn. Undefined: it is. */
  readonly listsFallbacks?: true;
  /** Weights of localities count in a part by the share of their backends that are in it. Undefined: in full. */
  readonly scalesLocalities?: true;
}

export const fallbackList = "fallback_list";

/** The name of the part of a pool with these labels. */
export const subsetName = (labels: Labels): string => JSON.stringify(Object.entries(labels).sort());
