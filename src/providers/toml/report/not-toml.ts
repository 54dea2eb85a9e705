import { parse, TomlError } from "smol-toml";
import type { ConfigProblem } from "../../provider.ts";
import { deepest, nestedTooDeeply, type Tree } from "../tree.ts";
import { codeFrame, splitLines } from "./frame.ts";
import { findSlip, type Slip } from "./slips.ts";
import { firstPlace } from "./twice.ts";

/**
 * Reads TOML 1.1. Integers beyond 2^53 come as BigInt.
 * @throws TomlError
 */
export function parseToml(text: string): Tree {
  return parse(text, { integersAsBigInt: "asNeeded", unsafeKeyBehaviour: "throw", maxDepth: deepest });
}

/** More are told after the next try. */
const mostProblems = 10;

/**
 * Problems of a text that is not TOML, in umay's words where the mistake is a usual one. The text that was most likely meant is
 * put in its place, so that the mistakes behind it are told too.
 * @param first what the parser says.
 */
export function notToml(text: string, name: string, first: TomlError): readonly ConfigProblem[] {
  const lines = splitLines(text);
  const repaired = [...lines];
  const problems: ConfigProblem[] = [];
  let error: TomlError | undefined = first;
  while (error !== undefined && problems.length < mostProblems) {
    const reason = error.message.split("\n", 1)[0]!.replace(/^Invalid TOML document: /, "");
    const slip = slipOf(repaired, { line: error.line, column: error.column, message: reason });
    // A repair that did not help is no reason to say anything about what comes behind it.
    if (problems.length > 0 && slip.repaired === undefined && !isKnown(slip)) break;
    problems.push(problemOf(slip, lines, name));
    if (slip.repaired === undefined || slip.repaired === repaired[slip.line - 1]) break;
    repaired[slip.line - 1] = slip.repaired;
    error = faultOf(repaired.join("\n"));
  }
  return problems.sort((a, b) => lineOf(a) - lineOf(b));
}

function faultOf(text: string): TomlError | undefined {
  try {
    parseToml(text);
    return undefined;
  } catch (error) {
    if (error instanceof TomlError) return error;
    throw error;
  }
}

const isKnown = ({ message }: Slip): boolean => !message.startsWith("not valid TOML");

const lineOf = ({ where }: ConfigProblem): number => Number(where.split(":").at(-2));

function slipOf(
  lines: readonly string[],
  fault: { readonly line: number; readonly column: number; readonly message: string },
): Slip {
  const { line, column, message } = fault;
  const there = { line, column, endColumn: column + 1, repaired: undefined };
  if (message.includes("unsafe property"))
    return { ...there, message: "the names __proto__ and constructor are not allowed; choose another" };
  if (message.includes("excessively nested")) return { ...there, message: nestedTooDeeply };
  if (message.includes("redefine")) {
    const first = firstPlace(lines, line);
    const written = lines[line - 1]!;
    const word = /^\s*(?:\[[^\]]*\]|[^=\s]+)/.exec(written)?.[0] ?? written;
    const begin = word.length - word.trimStart().length;
    const otherwise = "is part of a table that is written already, perhaps in { }; put it there";
    return {
      line,
      column: begin + 1,
      endColumn: word.length + 1,
      message: `${word.trim()} ${first === undefined ? otherwise : `is there twice: it is written in line ${first} too; keep one`}`,
      // Keys behind a table's second header would be taken for another table's.
      repaired: word.trimStart().startsWith("[") ? undefined : "",
    };
  }
  return findSlip(lines, fault) ?? { ...there, message: `not valid TOML: ${message}` };
}

function problemOf(slip: Slip, lines: readonly string[], name: string): ConfigProblem {
  const { line, endColumn, message, hint } = slip;
  // A repair earlier in the line may have moved it.
  const column = Math.min(slip.column, (lines[line - 1]?.length ?? 0) + 1);
  const frame = codeFrame(lines, { line, column, endLine: line, endColumn });
  return { severity: "error", where: `${name}:${line}:${column}`, path: "", message, hint, frame };
}
