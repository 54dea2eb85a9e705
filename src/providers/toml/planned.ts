import { errorAt, type Finding, type Path } from "../../lib/findings.ts";
import { isTable, type Tree, valueAt } from "./tree.ts";

/*
 * Keys and values that are planned and not supported yet. They are rejected by name, so that nobody believes that they
 * work. When a feature lands, its line goes. `*` is any name.
 */
const planned: readonly { readonly key: string; readonly values?: readonly string[] }[] = [];

/** The planned keys and values in a configuration. They can't be checked. */
export function findPlanned(tree: Tree): Finding[] {
  return planned.flatMap(({ key, values }) => {
    const at = values === undefined ? "key" : "value";
    return matches(tree, key.split("."))
      .filter((path) => values?.includes(valueAt(tree, path) as string) ?? true)
      .map((path) => ({
        ...errorAt(path, `this ${at} is planned, but not supported yet; remove it`),
        at,
      }));
  });
}

/** All planned keys and values, as the documentation names them. */
export function listPlanned(): string[] {
  return planned.map(({ key, values }) => {
    const name = key.replace("*", "<name>");
    return values === undefined ? name : `${name} = ${values.map((value) => `"${value}"`).join(", ")}`;
  });
}

function matches(tree: Tree, pattern: readonly string[]): Path[] {
  const [step, ...rest] = pattern;
  if (step === undefined) return [[]];
  const keys = step === "*" ? Object.keys(tree) : Object.hasOwn(tree, step) ? [step] : [];
  return keys.flatMap((key) => {
    const value = tree[key];
    const paths = rest.length === 0 ? [[]] : isTable(value) ? matches(value, rest) : [];
    return paths.map((path) => [key, ...path]);
  });
}
