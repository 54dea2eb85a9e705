import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { errorAt, type Finding, type Path } from "../../lib/findings.ts";
import { describeReadError } from "../../lib/read-file.ts";
import { didYouMean } from "../../lib/suggest.ts";
import type { Tree } from "./tree.ts";

const expression = /\$\$|\$\{([^}]*)(\}?)/g;

/**
 * Fills in `${NAME}`, `${NAME:-default}` and `${file:/path}` inside string values; `$$` becomes `$`.
 * The default also stands in for an empty variable; a file loses one newline at its end; what is filled in is
 * not looked at again. Keys stay as they are.
 * @param directory where relative paths start.
 */
export function interpolate(
  tree: Tree,
  env: NodeJS.ProcessEnv,
  directory: string,
): { tree: Tree; findings: Finding[] } {
  const findings: Finding[] = [];

  function fill(text: string, path: Path): string {
    return text.replace(expression, (match, inside: string, end: string) => {
      if (match === "$$") return "$";
      const result =
        end === ""
          ? { problem: `has "\${" without a closing "}"; write $$ for a dollar sign` }
          : evaluate(inside, env, directory);
      if ("value" in result) return result.value;
      findings.push(errorAt(path, result.problem, result.hint));
      return match;
    });
  }

  function walk(value: unknown, path: Path): unknown {
    if (typeof value === "string") return fill(value, path);
    if (Array.isArray(value)) return value.map((element, index) => walk(element, [...path, index]));
    if (typeof value !== "object" || value === null || value instanceof Date) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, below]) => [key, walk(below, [...path, key])]),
    );
  }

  return { tree: walk(tree, []) as Tree, findings };
}

type Evaluated = { value: string } | { problem: string; hint?: string | undefined };

function evaluate(inside: string, env: NodeJS.ProcessEnv, directory: string): Evaluated {
  if (inside.startsWith("file:")) return readValue(inside.slice("file:".length), directory);
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside);
  if (match === null)
    return {
      problem: `can't read \${${inside}}; expected \${NAME}, \${NAME:-default} or \${file:/path}, or $$ for a dollar sign`,
    };
  const [, name = "", fallback] = match;
  const value = env[name];
  if (fallback !== undefined) return { value: value || fallback };
  if (value !== undefined) return { value };
  return {
    problem: `the environment variable ${name} is not set; set it, or write \${${name}:-default}`,
    hint: didYouMean(name, Object.keys(env)),
  };
}

function readValue(path: string, directory: string): Evaluated {
  const file = resolve(directory, path);
  try {
    return { value: readFileSync(file, "utf8").replace(/\r?\n$/, "") };
  } catch (error) {
    return { problem: `${file} ${describeReadError(error)}` };
  }
}
