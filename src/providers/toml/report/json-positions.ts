import type { Node } from "jsonc-parser";
import type { Range } from "./frame.ts";
import type { Positions } from "./positions.ts";

/** As `readPositions`, for JSON. Loads its parser only here, for the same reason. */
export async function readJsonPositions(text: string): Promise<Positions> {
  const { findNodeAtLocation, parseTree } = (await import("jsonc-parser")).default;
  const root = parseTree(text);
  return {
    find(path, at) {
      for (let depth = path.length; depth > 0; depth--) {
        const node = root && findNodeAtLocation(root, path.slice(0, depth));
        if (node === undefined) continue;
        const key = node.parent?.type === "property" ? node.parent.children?.[0] : undefined;
        const wanted = at === "key" || depth < path.length ? (key ?? node) : node;
        return { range: rangeOf(text, wanted), depth };
      }
      return undefined;
    },
  };
}

function rangeOf(text: string, { offset, length }: Node): Range {
  const start = positionAt(text, offset);
  const end = positionAt(text, offset + length);
  return { ...start, endLine: end.line, endColumn: end.column };
}

/** Line and column from 1. */
export function positionAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
