import { parse, TomlError } from "smol-toml";
import { ConfigError } from "./errors.ts";
import { codeFrame, splitLines } from "./report/frame.ts";
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
    const frame = codeFrame(splitLines(text), { line, column, endLine: line, endColumn: column + 1 });
    throw new ConfigError([
      { severity: "error", where: `${name}:${line}:${column}`, path: "", message, hint: undefined, frame },
    ]);
  }
}
