import type { Node } from "../node.ts";

/** The part of metadata by which parts of a cluster are chosen. */
const balancing = "envoy.lb";

/** Labels by key; values are in JSON. */
export type Labels = Readonly<Record<string, string>>;

/** The labels that a `Metadata` gives; undefined: none. */
export function labelsOf(metadata: Node | undefined): Labels | undefined {
  const text = metadata?.mapOfTexts("filter_metadata").get(balancing);
  return text === undefined ? undefined : labelsIn(text);
}

/** @param struct a `google.protobuf.Struct` in JSON. */
export function labelsIn(struct: string): Labels | undefined {
  const entries = Object.entries(JSON.parse(struct) as Record<string, unknown>);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([key, value]) => [key, JSON.stringify(value)]));
}
