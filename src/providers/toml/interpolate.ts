import { resolve } from "node:path";
import { errorAt, type Finding, type Path } from "../../lib/findings.ts";
import { describeReadError, mebibyte, readWhole } from "../../lib/read-file.ts";
import { didYouMean } from "../../lib/suggest.ts";
import { isVariableName } from "../../model/http/template.ts";
import type { Inserted } from "./hide.ts";
import type { Tree } from "./tree.ts";

const expression = /\$\$|\$\{([^}]*)(\}?)/g;

/**
 * Fills in `${NAME}`, `${NAME:-default}` and `${file:/path}` inside string values; `$$` becomes `$`.
 * The default also replaces an empty variable. A file loses one newline at its end. Inserted text is not replaced again.
 * Keys stay as they are.
 * Texts that are filled in anew for every request keep variables such as `${client.ip}`, and `$$`, for whoever reads them then.
 * `inserted` has the values that are not the configuration's own.
 * @param directory where relative paths start.
 */
export async function interpolate(
  tree: Tree,
  env: NodeJS.ProcessEnv,
  directory: string,
): Promise<{ tree: Tree; findings: Finding[]; inserted: Inserted[] }> {
  const findings: Finding[] = [];
  const inserted: Inserted[] = [];

  async function fill(text: string, path: Path): Promise<string> {
    let filled = "";
    let end = 0;
    for (const { 0: match, 1: inside = "", 2: closing, index } of text.matchAll(expression)) {
      filled += text.slice(end, index) + (await stands(match, inside, closing, path));
      end = index + match.length;
    }
    return filled + text.slice(end);
  }

  /** The text that a match stands for. */
  async function stands(
    match: string,
    inside: string,
    closing: string | undefined,
    path: Path,
  ): Promise<string> {
    const later = takesVariables(path);
    if (match === "$$") return later ? match : "$";
    if (later && closing !== "" && isVariableName(inside)) return match;
    const result =
      closing === ""
        ? { problem: `has "\${" without a closing "}"; write $$ for a dollar sign` }
        : await evaluate(inside, env, directory);
    if ("value" in result) {
      if (result.foreign) inserted.push({ path, source: match, value: result.value });
      return later ? result.value.replaceAll("$", "$$$$") : result.value;
    }
    findings.push(errorAt(path, result.problem, result.hint));
    return match;
  }

  async function walk(value: unknown, path: Path): Promise<unknown> {
    if (typeof value === "string") return value.includes("$") ? fill(value, path) : value;
    if (typeof value !== "object" || value === null || value instanceof Date) return value;
    const list = Array.isArray(value);
    const filled: [string, unknown][] = [];
    for (const [key, below] of Object.entries(value))
      filled.push([key, await walk(below, [...path, list ? Number(key) : key])]);
    return list ? filled.map(([, below]) => below) : Object.fromEntries(filled);
  }

  return { tree: (await walk(tree, [])) as Tree, findings, inserted };
}

/** Whether the text at a path may have variables: `routes.*.request_headers.set.*` and its like. */
function takesVariables(path: Path): boolean {
  const [table, , key, change] = path;
  return (
    table === "routes" &&
    path.length === 5 &&
    (key === "request_headers" || key === "response_headers") &&
    (change === "set" || change === "add")
  );
}

/** `foreign`: the value is not the configuration's own. */
type Evaluated = { value: string; foreign: boolean } | { problem: string; hint?: string | undefined };

async function evaluate(inside: string, env: NodeJS.ProcessEnv, directory: string): Promise<Evaluated> {
  if (inside.startsWith("file:")) return readValue(inside.slice("file:".length), directory);
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside);
  if (match === null)
    return {
      problem: `can't read \${${inside}}; expected \${NAME}, \${NAME:-default} or \${file:/path}, or $$ for a dollar sign`,
    };
  const [, name = "", fallback] = match;
  const value = env[name];
  if (fallback !== undefined && !value) return { value: fallback, foreign: false };
  if (value !== undefined) return { value, foreign: true };
  return {
    problem: `the environment variable ${name} is not set; set it, or write \${${name}:-default}`,
    hint: didYouMean(name, Object.keys(env)),
  };
}

async function readValue(path: string, directory: string): Promise<Evaluated> {
  const file = resolve(directory, path);
  try {
    const text = (await readWhole(file, mebibyte)).toString("utf8");
    return { value: text.replace(/\r?\n$/, ""), foreign: true };
  } catch (error) {
    return { problem: `${file} ${describeReadError(error)}` };
  }
}
