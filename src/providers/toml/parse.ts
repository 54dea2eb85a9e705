import type { ParseError } from "jsonc-parser";
import { parse, TomlError } from "smol-toml";
import { ConfigError } from "../provider.ts";
import { codeFrame, splitLines } from "./report/frame.ts";
import { positionAt } from "./report/json-positions.ts";
import type { Tree } from "./tree.ts";

/**
 * Reads TOML 1.1. Integers beyond 2^53 come as BigInt, so that validation can say which key holds one.
 * @throws ConfigError with line and column when the text is not TOML.
 */
export function parseConfig(text: string, name: string): Tree {
  try {
    return parse(text, { integersAsBigInt: "asNeeded", unsafeKeyBehaviour: "throw" });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, column } = error;
    const reason = error.message.split("\n", 1)[0]!.replace(/^Invalid TOML document: /, "");
    const message = reason.includes("unsafe property")
      ? "the names __proto__ and constructor are not allowed; choose another"
      : `not valid TOML: ${reason}`;
    throw notParsed(text, name, { line, column }, message);
  }
}

/** As {@link parseConfig}, for JSON (RFC 8259). */
export async function parseJson(text: string, name: string): Promise<Tree> {
  try {
    return JSON.parse(text) as Tree;
  } catch (error) {
    const { parseTree } = (await import("jsonc-parser")).default;
    const faults: ParseError[] = [];
    parseTree(text, faults, { disallowComments: true });
    const reason = (error as Error).message.replace(/ in JSON at position .*| is not valid JSON$/, "");
    throw notParsed(text, name, positionAt(text, faults[0]?.offset ?? 0), `not valid JSON: ${reason}`);
  }
}

function notParsed(
  text: string,
  name: string,
  { line, column }: { readonly line: number; readonly column: number },
  message: string,
): ConfigError {
  const frame = codeFrame(splitLines(text), { line, column, endLine: line, endColumn: column + 1 });
  const where = `${name}:${line}:${column}`;
  return new ConfigError([{ severity: "error", where, path: "", message, hint: undefined, frame }]);
}
