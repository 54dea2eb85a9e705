import type { Namespace } from "../core.ts";
import type { Namespaces } from "../gateway-api.ts";
import type { LabelSelector } from "../meta.ts";
import type { Objects } from "../objects.ts";

/** Whether a namespace is one of those from which something may be attached. @param own the namespace that says so. */
export function isAllowed(
  { from = "Same", selector = {} }: Namespaces,
  own: string,
  namespace: string,
  namespaces: Objects<Namespace>,
): boolean {
  switch (from) {
    case "All":
      return true;
    case "Same":
      return namespace === own;
    case "Selector":
      return selects(selector, namespaces.get(namespace)?.metadata.labels ?? {});
    default:
      return false;
  }
}

/** Docs: "Labels and Selectors" of Kubernetes. An empty selector selects everything. */
export function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case "In":
          return value !== undefined && values.includes(value);
        case "NotIn":
          return value === undefined || !values.includes(value);
        case "Exists":
          return value !== undefined;
        case "DoesNotExist":
          return value === undefined;
        default:
          return false;
      }
    })
  );
}
