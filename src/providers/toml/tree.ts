import type { Path } from "../../lib/findings.ts";

/** A configuration between parsing and validation: any content that TOML can express. */
export type Tree = { [key: string]: unknown };

export function isTable(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Levels that a configuration may have. Its keys need eight. */
export const deepest = 32;

/** The message about what is nested deeper. */
export const nestedTooDeeply: string = `is nested more than ${deepest} levels deep, which no key is; write fewer levels`;
/** Values that it may have: every place in shared memory may be configured twice over. */
const mostValues = 500_000;

/**
 * Finds what would be too much for those that walk a tree: they call themselves at each level, and keep something of
 * each value.
 * @returns the path of a value below the last level, or `values` where there are too many.
 */
export function findExcess(tree: unknown): Path | "values" | undefined {
  let level: { readonly value: unknown; readonly path: Path }[] = [{ value: tree, path: [] }];
  let values = 0;
  for (let depth = 0; level.length > 0; depth++) {
    values += level.length;
    if (values > mostValues) return "values";
    if (depth > deepest) return level[0]!.path;
    const below: typeof level = [];
    for (const { value, path } of level) {
      if (typeof value !== "object" || value === null) continue;
      const list = Array.isArray(value);
      if (list && value.length > mostValues) return "values";
      for (const [key, child] of Object.entries(value))
        below.push({ value: child, path: [...path, list ? Number(key) : key] });
    }
    level = below;
  }
  return undefined;
}

/** `listeners.echo.tls.certificates[0].cert`, with quotes around keys that TOML would quote. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += (text === "" ? "" : ".") + (/^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step));
  }
  return text;
}

/** Whether `path` is `ancestor` or lies below it. */
export function isWithin(path: Path, ancestor: Path): boolean {
  return ancestor.every((step, index) => path[index] === step);
}

/** The value at a path; undefined where there is none. */
export function valueAt(tree: Tree, path: Path): unknown {
  let value: unknown = tree;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** Sets the value at a path, and makes the tables and arrays above it that are missing. */
export function setAt(tree: Tree, path: Path, value: unknown): void {
  let container = tree as Record<string | number, unknown>;
  for (const [index, step] of path.entries()) {
    if (index === path.length - 1) container[step] = value;
    else if (!Object.hasOwn(container, step)) container[step] = typeof path[index + 1] === "number" ? [] : {};
    container = container[step] as Record<string | number, unknown>;
  }
}

/**
 * Deletes the value at a path or, where the key is missing, the table that lacks it. An element is deleted with its whole
 * array, so that no index of another element changes.
 * @returns the path that is gone; empty when that would be the root, which stays.
 */
export function prune(tree: Tree, path: Path): Path {
  const index = path.findIndex((step) => typeof step === "number");
  const target = index === -1 ? path : path.slice(0, index);
  const key = target.at(-1);
  const table = valueAt(tree, target.slice(0, -1));
  if (key === undefined || !isTable(table)) return target;
  if (!Object.hasOwn(table, key)) return prune(tree, target.slice(0, -1));
  delete table[key];
  return target;
}
