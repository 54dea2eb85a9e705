import type { ElementNode, MemberNode, ValueNode } from "@humanwhocodes/momoa";
import type { Path } from "../../../lib/findings.ts";
import type { Range } from "./frame.ts";
import { type Positions, tooLongToPlace } from "./positions.ts";

/** As `readPositions`, for JSON. Loads its parser only here, for the same reason. */
export async function readJsonPositions(text: string): Promise<Positions> {
  const { parse } = await import("@humanwhocodes/momoa");
  const { body } = parse(text);
  return {
    find(path, at) {
      const { found, depth } = follow(body, path);
      if (found === undefined) return undefined;
      const key = found.type === "Member" && (at === "key" || depth < path.length);
      return { range: rangeOf(key ? found.name : found.value), depth };
    },
  };
}

type Child = MemberNode | ElementNode;

/** The deepest written part of a path. */
function follow(body: ValueNode, path: Path): { readonly found: Child | undefined; readonly depth: number } {
  let found: Child | undefined;
  for (const [depth, step] of path.entries()) {
    const next = childOf(found?.value ?? body, step);
    if (next === undefined) return { found, depth };
    found = next;
  }
  return { found, depth: path.length };
}

function childOf(value: ValueNode, step: string | number): Child | undefined {
  if (value.type === "Array") return value.elements[Number(step)];
  if (value.type !== "Object") return undefined;
  // Of equal keys, JSON.parse takes the last.
  return value.members.findLast(({ name }) => name.type === "String" && name.value === step);
}

function rangeOf({ loc: { start, end } }: ValueNode | MemberNode["name"]): Range {
  return { line: start.line, column: start.column, endLine: end.line, endColumn: end.column };
}

/** Where a text ceases to be JSON: line and column from 1. Undefined where it can't be found out. */
export async function findJsonFault(
  text: string,
): Promise<{ readonly line: number; readonly column: number } | undefined> {
  if (tooLongToPlace(text)) return undefined;
  const { parse } = await import("@humanwhocodes/momoa");
  try {
    parse(text);
  } catch (error) {
    const { line, column } = error as { line?: number; column?: number };
    // A text that is nested too deeply for the parser has neither.
    if (line !== undefined && column !== undefined) return { line, column };
  }
  return undefined;
}
