import { parse } from "smol-toml";
import type { Path } from "../../lib/findings.ts";
import { suggest } from "../../lib/suggest.ts";
import { alternatives, below, keysOf, type SchemaNode } from "./schema/nodes.ts";
import { jsonSchema } from "./schema.ts";
import { findExcess, formatPath, isTable, setAt, type Tree } from "./tree.ts";

const prefix = "UMAY__";

/** An environment variable that set a key. */
export interface Override {
  readonly variable: string;
  readonly path: Path;
  /** The name of a new listener or pool that it made, and the existing names. */
  readonly created: { readonly name: string; readonly others: readonly string[] } | undefined;
}

/** An environment variable that fits no key. */
export interface Misfit {
  /** A warning for one that may be meant for somebody else. */
  readonly severity: "error" | "warning";
  readonly variable: string;
  readonly message: string;
  readonly hint: string | undefined;
}

/**
 * Lays `UMAY__…` variables over the configuration, shortest names first, so that a whole table comes before its keys.
 * Changes `tree`.
 */
export function applyOverrides(
  tree: Tree,
  env: NodeJS.ProcessEnv,
): { overrides: Override[]; misfits: Misfit[] } {
  const overrides: Override[] = [];
  const misfits: Misfit[] = [];
  const variables = Object.keys(env).filter((variable) => variable.startsWith(prefix));
  variables.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  for (const variable of variables) {
    const start = {
      variable,
      rest: variable.slice(prefix.length).toUpperCase(),
      path: [],
      created: undefined,
    };
    const found = follow(start, tree, alternatives(jsonSchema()));
    if ("message" in found) {
      misfits.push({ severity: "error", variable, ...found });
      continue;
    }
    const value = readValue(env[variable]!);
    if (findExcess(value) !== undefined) {
      misfits.push({
        severity: "error",
        variable,
        message: "holds more than a key can have",
        hint: undefined,
      });
      continue;
    }
    setAt(tree, found.path, value);
    overrides.push({ variable, path: found.path, created: found.created });
  }
  return { overrides, misfits: [...misfits, ...findSingle(tree, env)] };
}

/** The variables that the command line reads. */
const notKeys: ReadonlySet<string> = new Set(["UMAY_CONFIG", "UMAY_ADMIN"]);

/** Variables such as `UMAY_LOG_LEVEL`, which would be keys with two underscores between their parts. */
function findSingle(tree: Tree, env: NodeJS.ProcessEnv): Misfit[] {
  return Object.keys(env).flatMap((variable) => {
    const rest = notKeys.has(variable) ? undefined : /^UMAY_([A-Z0-9][A-Z0-9_]*)$/.exec(variable)?.[1];
    const meant = rest === undefined ? undefined : spell(rest, tree, alternatives(jsonSchema()));
    if (meant === undefined) return [];
    const message = "has no effect: the parts of a key have two underscores between them";
    return [{ severity: "warning" as const, variable, message, hint: `did you mean UMAY__${meant}?` }];
  });
}

/** A name with one underscore between its parts, with two; undefined where it is no key. */
function spell(rest: string, value: unknown, nodes: readonly SchemaNode[]): string | undefined {
  const known = isTable(value) ? Object.keys(value) : [];
  for (const key of new Set([...known, ...keysOf(nodes)])) {
    const name = encode(key);
    if (rest === name) return name;
    if (!rest.startsWith(`${name}_`)) continue;
    const inner = isTable(value) ? value[key] : undefined;
    const tail = spell(rest.slice(name.length + 1), inner, below(nodes, key));
    if (tail !== undefined) return `${name}__${tail}`;
  }
  return undefined;
}

/** The part of a variable's name that was followed so far. */
interface Walk {
  readonly variable: string;
  readonly rest: string;
  readonly path: Path;
  readonly created: Override["created"];
}

type Outcome = Pick<Walk, "path" | "created"> | Omit<Misfit, "variable" | "severity">;

/** Follows the rest of a name from a value with these schemas. */
function follow(walk: Walk, value: unknown, nodes: readonly SchemaNode[]): Outcome {
  const place = formatPath(walk.path);
  const isList =
    Array.isArray(value) || (value === undefined && nodes.some((node) => node.items !== undefined));
  if (isList) return followIndex(walk, (value as unknown[] | undefined) ?? [], nodes);
  const holdsKeys = nodes.some((node) => node.type === "object");
  if (value === undefined ? holdsKeys : isTable(value))
    return followKey(walk, (value as Tree | undefined) ?? {}, nodes);
  const variable = walk.variable.slice(0, -walk.rest.length - 2);
  const message = holdsKeys
    ? `${place} is a plain value and not a table; set the whole of it with ${variable}='{ … }'`
    : `${place} is a plain value, nothing lies below it`;
  return { message, hint: `did you mean ${variable}?` };
}

function followKey(walk: Walk, table: Tree, nodes: readonly SchemaNode[]): Outcome {
  const known = [...new Set([...Object.keys(table), ...keysOf(nodes)])];
  const fitting = known.filter(
    (key) => walk.rest === encode(key) || walk.rest.startsWith(`${encode(key)}__`),
  );
  const longest = Math.max(...fitting.map((key) => key.length));
  const [key, rival] = fitting.filter((candidate) => candidate.length === longest);
  if (key !== undefined && rival !== undefined)
    return { message: `fits both ${key} and ${rival}; rename one of them`, hint: undefined };
  if (key === undefined) return followNewName(walk, Object.keys(table), known, nodes);
  const path = [...walk.path, key];
  const rest = walk.rest.slice(encode(key).length + 2);
  if (rest === "") return { path, created: walk.created };
  return follow({ ...walk, path, rest }, table[key], below(nodes, key));
}

function followNewName(walk: Walk, others: string[], known: string[], nodes: readonly SchemaNode[]): Outcome {
  const [segment = ""] = walk.rest.split("__", 1);
  const maker = nodes.some((node) => typeof node.additionalProperties === "object");
  if (!maker || segment === "") return misfit(walk, segment, known);
  const name = segment.toLowerCase();
  const path = [...walk.path, name];
  const created = walk.created ?? { name, others };
  const rest = walk.rest.slice(segment.length + 2);
  return rest === ""
    ? { path, created }
    : follow({ ...walk, path, rest, created }, undefined, below(nodes, name));
}

function followIndex(walk: Walk, list: readonly unknown[], nodes: readonly SchemaNode[]): Outcome {
  const [, digits, rest = ""] = /^(\d{1,6})(?:__(.+))?$/.exec(walk.rest) ?? [];
  const index = Number(digits);
  if (digits === undefined || index > list.length) {
    const message = `${formatPath(walk.path)} is a list of ${list.length}; expected a number from 0 to ${list.length} there`;
    return { message, hint: undefined };
  }
  const path = [...walk.path, index];
  return rest === ""
    ? { path, created: walk.created }
    : follow({ ...walk, path, rest }, list[index], below(nodes, index));
}

function misfit(walk: Walk, segment: string, known: string[]): Outcome {
  const place = walk.path.length === 0 ? "the configuration" : formatPath(walk.path);
  const message = `fits nothing: ${place} has no key ${segment.toLowerCase() || "with an empty name"}`;
  const near = suggest(segment, known.map(encode));
  if (near === undefined) return { message, hint: undefined };
  const before = walk.variable.slice(0, walk.variable.length - walk.rest.length);
  return { message, hint: `did you mean ${before}${near}${walk.rest.slice(segment.length)}?` };
}

/** A key in the spelling of a variable's name. */
function encode(key: string): string {
  return key.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

/** A number, boolean, list, inline table or quoted string of TOML. Every other value is text as it stands. */
function readValue(text: string): unknown {
  try {
    const { value, ...others } = parse(`value = ${text}`, {
      integersAsBigInt: "asNeeded",
      unsafeKeyBehaviour: "throw",
    });
    return value instanceof Date || Object.keys(others).length > 0 ? text : value;
  } catch {
    return text;
  }
}
