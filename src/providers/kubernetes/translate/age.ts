import { type KubeObject, keyOf } from "../meta.ts";

/** Older objects first, then by `namespace/name`: the order in which Gateway API settles disputes. */
export function byAge(left: KubeObject, right: KubeObject): number {
  const [a, b] = [left.metadata.creationTimestamp ?? "", right.metadata.creationTimestamp ?? ""];
  return compareTexts(a, b) || compareTexts(keyOf(left), keyOf(right));
}

const compareTexts = (left: string, right: string): number => (left < right ? -1 : Number(left > right));
