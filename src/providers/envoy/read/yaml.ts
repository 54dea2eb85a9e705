import { type Document, isMap, LineCounter, parseDocument, type Node as YamlNode } from "yaml";
import type { Path } from "../../../lib/findings.ts";
import { ConfigError, type ConfigProblem } from "../../provider.ts";
import { codeFrame, type Range, splitLines } from "../../toml/report/frame.ts";

/** A text of YAML or JSON, with the places of what is in it. */
export interface ParsedYaml {
  readonly tree: unknown;
  /** The place of a path, or of the nearest part above it that is written. */
  rangeOf(path: Path, at: "key" | "value"): Range | undefined;
}

/** Nodes that aliases may stand for: more make a small file a large tree. */
const mostAliases = 1_000;

/**
 * Reads YAML 1.2 with merge keys, of which JSON is a part.
 * @param name of the text in problems.
 * @throws ConfigError where it is none.
 */
export function parseYaml(text: string, name: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    merge: true,
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
  });
  const problems = document.errors.map(({ message, pos }): ConfigProblem => {
    const range = rangeAt(lines, pos[0], pos[1]);
    const frame = codeFrame(splitLines(text), range);
    const where = `${name}:${range.line}:${range.column}`;
    return { severity: "error", where, path: "", message, hint: undefined, frame };
  });
  if (problems.length > 0) throw new ConfigError(problems);
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: mostAliases });
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigError([
      { severity: "error", where: name, path: "", message, hint: undefined, frame: undefined },
    ]);
  }
  return {
    tree,
    rangeOf(path, at) {
      for (let depth = path.length; depth > 0; depth--) {
        const node = find(document, path.slice(0, depth), depth < path.length ? "key" : at);
        if (node?.range) return rangeAt(lines, node.range[0], node.range[1]);
      }
      return undefined;
    },
  };
}

function find(document: Document, path: Path, at: "key" | "value"): YamlNode | undefined {
  if (at === "value") return document.getIn(path, true) as YamlNode | undefined;
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  if (!isMap(parent)) return document.getIn(path, true) as YamlNode | undefined;
  const pair = parent.items.find(({ key }) => (key as { value?: unknown }).value === last);
  return pair?.key as YamlNode | undefined;
}

function rangeAt(lines: LineCounter, from: number, to: number): Range {
  const start = lines.linePos(from);
  const end = lines.linePos(Math.max(to, from + 1));
  return { line: start.line, column: start.col, endLine: end.line, endColumn: end.col };
}
