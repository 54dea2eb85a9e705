import type { Labels } from "../../../model/subset.ts";
import type { Node } from "../node.ts";

/** The part of metadata by which parts of a cluster are chosen. */
const balancing = "envoy.lb";

/** The labels that a `Metadata` gives. @param part of it. @returns undefined where there are none. */
export function labelsOf(metadata: Node | undefined, part = balancing): Labels | undefined {
  const text = metadata?.mapOfTexts("filter_metadata").get(part);
  const labels = labelsIn(text);
  return Object.keys(labels).length === 0 ? undefined : labels;
}

/** @param struct a `google.protobuf.Struct` in JSON; empty, or undefined: nothing is in it. */
export function labelsIn(struct: string | undefined): Labels {
  const entries = Object.entries(JSON.parse(struct || "{}") as Record<string, unknown>);
  return Object.fromEntries(entries.map(([key, value]) => [key, JSON.stringify(value, inOrder)]));
}

/** The same text for the same object, in whatever order its members were written. */
const inOrder = (_key: string, value: unknown): unknown =>
  typeof value !== "object" || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
