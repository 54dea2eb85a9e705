import { TomlError } from "smol-toml";
import { ConfigError } from "../provider.ts";
import { unreadable } from "./errors.ts";
import { codeFrame, splitLines } from "./report/frame.ts";
import { findJsonFault, readJsonPositions } from "./report/json-positions.ts";
import { locate } from "./report/locate.ts";
import { notToml, parseToml } from "./report/not-toml.ts";
import { readPositions } from "./report/positions.ts";
import { findExcess, nestedTooDeeply, type Tree } from "./tree.ts";

/**
 * Reads TOML 1.1. Integers beyond 2^53 come as BigInt, so that validation can say which key holds one.
 * @throws ConfigError with line and column when the text is not TOML, or is nested too deeply.
 */
export async function parseConfig(text: string, name: string): Promise<Tree> {
  let tree: Tree;
  try {
    tree = parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new ConfigError(notToml(text, name, error));
  }
  return inBounds(tree, text, name, readPositions);
}

/** As {@link parseConfig}, for JSON (RFC 8259). */
export async function parseJson(text: string, name: string): Promise<Tree> {
  let tree: Tree;
  try {
    tree = JSON.parse(text) as Tree;
  } catch (error) {
    const reason = (error as Error).message.replace(/ in JSON at position .*| is not valid JSON$/s, "");
    throw notParsed(text, name, await findJsonFault(text), `not valid JSON: ${reason}`);
  }
  return inBounds(tree, text, name, readJsonPositions);
}

/** @throws ConfigError where a tree is too large for those that walk it. */
async function inBounds(
  tree: Tree,
  text: string,
  name: string,
  readPlaces: typeof readPositions,
): Promise<Tree> {
  const excess = findExcess(tree);
  if (excess === undefined) return tree;
  if (excess === "values") throw unreadable(name, "has more values than any configuration needs");
  const finding = { severity: "error", path: excess, at: "key", message: nestedTooDeeply } as const;
  const located = await locate([finding], [], { name, text, overrides: [] }, readPlaces);
  throw new ConfigError(located.map((problem) => ({ ...problem, path: "" })));
}

function notParsed(
  text: string,
  name: string,
  place: { readonly line: number; readonly column: number } | undefined,
  message: string,
): ConfigError {
  if (place === undefined) return unreadable(name, message);
  const { line, column } = place;
  const frame = codeFrame(splitLines(text), { line, column, endLine: line, endColumn: column + 1 });
  const where = `${name}:${line}:${column}`;
  return new ConfigError([{ severity: "error", where, path: "", message, hint: undefined, frame }]);
}
