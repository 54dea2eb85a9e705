import {
  fallbackList,
  type Labels,
  type SubsetFallback,
  type SubsetRule,
  subsetName,
} from "../../model/subset.ts";

/** A group of backends: one of the parts that are selected, by its name, those with the usual labels, or all. */
export type Part = { readonly part: string } | "usual" | "any";

/**
 * The groups that are asked for a backend, in turn, where a route asks for these labels: as Envoy's balancer of subsets goes
 * from a part that there is not to its fallbacks.
 * @param has whether there is a part of this name.
 */
export function planOf(rule: SubsetRule, labels: Labels | undefined, has: (part: string) => boolean): Part[] {
  const { [fallbackList]: list, ...own } = labels ?? {};
  if (rule.listsFallbacks !== true || list === undefined) return stepsOf(rule, labels, has);
  const replaced = replacements(list);
  if (replaced.length === 0) return stepsOf(rule, own, has);
  return replaced.flatMap((others) => stepsOf(rule, { ...own, ...others }, has));
}

function stepsOf(rule: SubsetRule, asked: Labels | undefined, has: (part: string) => boolean): Part[] {
  if (asked === undefined) return lastSteps(rule);
  const labels = rule.ignoresOthers === true ? selected(rule, asked) : asked;
  const part = subsetName(labels);
  if (has(part)) return [{ part }];
  const count = Object.keys(labels).length;
  const selector = rule.selectors.find(({ keys }) => keys.length === count && hasAll(labels, keys));
  const otherwise = selector?.otherwise;
  if (otherwise === undefined) return lastSteps(rule);
  // Ends, because a selector leads to fewer keys than its own.
  if (typeof otherwise === "object") return stepsOf(rule, pick(labels, otherwise.keys), has);
  return fallback(otherwise);
}

const fallback = (to: SubsetFallback): Part[] => (to === "none" ? [] : [to]);

function lastSteps({ otherwise, anyAtLast }: SubsetRule): Part[] {
  const first = fallback(otherwise);
  return first.length > 0 && anyAtLast === true ? [...first, "any"] : first;
}

/** The labels of the first selector of which there are all; all of them where there is no such selector. */
function selected({ selectors }: SubsetRule, labels: Labels): Labels {
  const found = selectors.find(({ keys }) => hasAll(labels, keys));
  return found === undefined ? labels : pick(labels, found.keys);
}

const hasAll = (labels: Labels, keys: readonly string[]): boolean =>
  keys.every((key) => labels[key] !== undefined);

const pick = (labels: Labels, keys: readonly string[]): Labels =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => keys.includes(key)));

/** @param list in JSON: objects, each with the labels that replace others. */
function replacements(list: string): Labels[] {
  const found: unknown = JSON.parse(list);
  return (Array.isArray(found) ? found : []).map((each: unknown) =>
    Object.fromEntries(Object.entries(each ?? {}).map(([key, value]) => [key, JSON.stringify(value)])),
  );
}
