import type { AST } from "toml-eslint-parser";
import type { Path } from "../../../lib/findings.ts";
import { deepest } from "../tree.ts";
import type { Range } from "./frame.ts";

interface Place {
  readonly key: Range;
  readonly value: Range;
}

/** The places of the keys and values of a TOML text. */
export interface Positions {
  /** The place of a path, or of the nearest written table above it; undefined for the root. */
  find(path: Path, at: "key" | "value"): { readonly range: Range; readonly depth: number } | undefined;
}

/**
 * Whether finding places in a text would take too much memory: a parser that keeps them needs a thousand bytes for one of
 * the text.
 */
export const tooLongToPlace = (text: string): boolean => text.length > 2 ** 20;

/** Loads its parser only here, because only a configuration with problems needs positions. */
export async function readPositions(text: string): Promise<Positions> {
  const { parseTOML } = await import("toml-eslint-parser");
  const places = new Map<string, Place>();
  for (const node of parseTOML(text).body[0].body) {
    if (node.type === "TOMLTable") collectTable(places, node);
    else collectKeyValue(places, [], node);
  }
  return {
    find(path, at) {
      for (let depth = path.length; depth > 0; depth--) {
        const place = places.get(id(path.slice(0, depth)));
        if (place !== undefined) return { range: depth === path.length ? place[at] : place.key, depth };
      }
      return undefined;
    },
  };
}

function id(path: Path): string {
  return JSON.stringify(path);
}

function collectTable(places: Map<string, Place>, node: AST.TOMLTable): void {
  let path: Path = [];
  for (const step of node.resolvedKey) {
    if (path.length > deepest) break;
    path = [...path, step];
    if (!places.has(id(path))) places.set(id(path), whole(node.key.loc));
  }
  for (const child of node.body) collectKeyValue(places, path, child);
}

function collectKeyValue(places: Map<string, Place>, table: Path, node: AST.TOMLKeyValue): void {
  let path = table;
  for (const part of node.key.keys) {
    if (path.length > deepest) break;
    path = [...path, part.type === "TOMLBare" ? part.name : part.value];
    if (!places.has(id(path))) places.set(id(path), { key: range(part.loc), value: range(node.value.loc) });
  }
  collectValue(places, path, node.value);
}

function collectValue(places: Map<string, Place>, path: Path, node: AST.TOMLContentNode): void {
  if (node.type === "TOMLInlineTable") for (const child of node.body) collectKeyValue(places, path, child);
  if (node.type !== "TOMLArray") return;
  node.elements.forEach((element, index) => {
    const below = [...path, index];
    places.set(id(below), whole(element.loc));
    collectValue(places, below, element);
  });
}

function whole(loc: AST.SourceLocation): Place {
  return { key: range(loc), value: range(loc) };
}

function range({ start, end }: AST.SourceLocation): Range {
  return { line: start.line, column: start.column + 1, endLine: end.line, endColumn: end.column + 1 };
}
