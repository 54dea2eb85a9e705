import type { Node } from "../../node.ts";

/** An `HttpStatus`. @returns undefined where there is none, or none of an error. */
export function statusOf(status: Node | undefined): number | undefined {
  const type = status?.type.fields.get("code")?.type;
  if (status === undefined || typeof type !== "object" || type.kind !== "enum") return undefined;
  const code = type.values.get(status.text("code")) ?? 0;
  return code >= 400 && code <= 599 ? code : undefined;
}
