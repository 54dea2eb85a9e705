import type * as z from "zod";
import { parseAddress } from "../../lib/address.ts";
import { errorAt, type Finding, type Path } from "../../lib/findings.ts";
import { didYouMean, listChoices, suggest } from "../../lib/suggest.ts";
import { foreignChoice, foreignKey } from "./report/foreign.ts";
import {
  foreignAddress,
  foreignHost,
  foreignName,
  foreignPath,
  foreignStatus,
  foreignTable,
} from "./report/foreign-values.ts";
import { alternatives, keysOf, nodesAt, type SchemaNode } from "./schema/nodes.ts";
import { jsonSchema } from "./schema.ts";
import { isTable, type Tree, valueAt } from "./tree.ts";

type Issue = z.core.$ZodIssue;

/**
 * Explains a validation issue to a person.
 * @param schema of the whole tree.
 */
export function explainIssue(issue: Issue, tree: Tree, schema: SchemaNode = jsonSchema()): Finding[] {
  const path = issue.path as Path;
  const value = valueAt(tree, path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => explainUnknownKey([...path, key], tree, schema));
    case "invalid_key":
      return [{ ...errorAt(path, issue.issues[0]!.message, foreignStatus(String(path.at(-1)))), at: "key" }];
    case "invalid_value":
      return [explainChoice(issue, value, issue.values)];
    case "invalid_union":
      if (issue.errors.length > 0) return explainBranch(issue, value, tree, schema);
      return [explainChoice(issue, value, "options" in issue ? (issue.options as readonly unknown[]) : [])];
    case "custom":
      return [
        finding(
          issue,
          value,
          issue.message,
          (issue.params?.["hint"] as string | undefined) ?? foreignValue(value, path, schema),
        ),
      ];
    case "invalid_type":
      return [
        finding(
          issue,
          value,
          expectedTable(path, schema),
          asTable(value, path, schema) ?? aroundList(value, path, schema),
        ),
      ];
    default:
      return [finding(issue, value, issue.message)];
  }
}

/** By the kind of a value: how to write what another proxy would take. */
const foreign: Readonly<Record<string, (text: string, path: Path) => string | undefined>> = {
  address: (text, path) => foreignAddress(text, path.at(-1) === "bind" ? "0.0.0.0" : "127.0.0.1"),
  host: foreignHost,
  "server name": foreignHost,
  "host name": foreignName,
  "path of a request": foreignPath,
};

function foreignValue(value: unknown, path: Path, schema: SchemaNode): string | undefined {
  if (typeof value !== "string") return undefined;
  const kinds = nodesAt(schema, path).map((node) => node["x-type"] ?? "");
  const kind = kinds.find((name) => Object.hasOwn(foreign, name));
  return kind === undefined ? undefined : foreign[kind]!(value, path);
}

/** With the keys that the table cannot be without. */
function expectedTable(path: Path, schema: SchemaNode): string {
  const [first, ...others] = nodesAt(schema, path);
  const needed = others.length === 0 ? (first?.required ?? []) : [];
  return `expected a table${needed.length === 0 ? "" : ` with ${needed.join(" and ")}`}`;
}

/** The table that someone meant who wrote `true`, the one value that it needs, or the one that is told most often. */
function asTable(value: unknown, path: Path, schema: SchemaNode): string | undefined {
  const usual = foreignTable(value, path);
  if (usual !== undefined) return meant(usual, path);
  for (const { properties, required = [] } of nodesAt(schema, path)) {
    if (properties === undefined) continue;
    if (value === true && required.length === 0) return meant("{}", path);
    if (typeof value !== "string") continue;
    const [only, another] = required;
    const key = properties["type"]?.const === value ? "type" : another === undefined ? only : undefined;
    if (key !== undefined && [undefined, value].includes(properties[key]?.const as string | undefined))
      return meant(`{ ${key} = ${JSON.stringify(value)} }`, path);
  }
  return undefined;
}

/** An element of a list has no key. */
function meant(table: string, path: Path): string {
  const key = path.at(-1);
  return `did you mean ${typeof key === "string" ? `${key} = ` : ""}${table}?`;
}

/** The table that someone meant who wrote the addresses alone that are to be in it. */
function aroundList(value: unknown, path: Path, schema: SchemaNode): string | undefined {
  const list = Array.isArray(value) ? value : [value];
  const isAddress = (each: unknown): boolean =>
    typeof each === "string" && typeof parseAddress(each) !== "string";
  if (list.length === 0 || !list.every(isAddress)) return undefined;
  for (const { properties, required = [] } of nodesAt(schema, path)) {
    const type = properties?.["type"]?.const;
    const [key, another] = required.filter((name) => name !== "type");
    if (type === undefined || key === undefined || another !== undefined) continue;
    if (properties?.[key]?.items === undefined) continue;
    const items = list.map((each) => JSON.stringify(each)).join(", ");
    return meant(`{ type = ${JSON.stringify(type)}, ${key} = [${items}] }`, path);
  }
  return undefined;
}

/** The schema's own messages say what was expected. The written value is added here. */
function isOurs(message: string): boolean {
  return message.startsWith("expected");
}

function finding(
  issue: Issue,
  value: unknown,
  otherwise: string,
  hint = typeof value === "string" ? foreignStatus(value) : undefined,
): Finding {
  const message = isOurs(issue.message) ? issue.message : otherwise;
  const path = issue.path as Path;
  if (value === undefined) return errorAt(path, `is missing; ${message}`, hint);
  return errorAt(path, isOurs(message) ? `${message}, got ${describe(value)}` : message, hint);
}

function explainChoice(issue: Issue, value: unknown, choices: readonly unknown[]): Finding {
  const names = choices.map(String);
  const hint =
    typeof value === "string" ? (foreignChoice(value, names) ?? didYouMean(value, names)) : undefined;
  return finding(issue, value, `expected ${listChoices(names)}`, hint || undefined);
}

/** In a choice between a plain value and a table, the written value shows which one was intended. */
function explainBranch(
  issue: z.core.$ZodIssueInvalidUnion,
  value: unknown,
  tree: Tree,
  schema: SchemaNode,
): Finding[] {
  const wrongKind = (below: Issue): boolean =>
    below.path.length === 0 &&
    (below.code === "invalid_type" || (below.code === "invalid_value" && isTable(value)));
  const branch = issue.errors.find((below) => !below.some(wrongKind));
  if (branch === undefined)
    return [finding(issue, value, issue.message, asTable(value, issue.path as Path, schema))];
  return branch.flatMap((below) =>
    explainIssue({ ...below, path: [...issue.path, ...below.path] }, tree, schema),
  );
}

function describe(value: unknown): string {
  if (typeof value === "string") {
    const text = JSON.stringify(value);
    return text.length > 60 ? `${text.slice(0, 56)}…"` : text;
  }
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Date) return "a date";
  return isTable(value) ? "a table" : String(value);
}

function explainUnknownKey(path: Path, tree: Tree, schema: SchemaNode): Finding {
  const table = path.slice(0, -1);
  const key = String(path.at(-1));
  const nodes = nodesAt(schema, table);
  const ours = foreignKey(key, table);
  // No hint is better than a wrong one.
  if (ours !== undefined && !keysOf(nodes).includes(key))
    return { ...errorAt(path, "unknown key", otherVariant(key, nodes) ?? (ours || undefined)), at: "key" };
  const hint =
    otherVariant(key, nodes) ??
    didYouMean(key, missingFirst(keysOf(nodes), valueAt(tree, table))) ??
    otherTable(key, table, schema);
  return { ...errorAt(path, "unknown key", hint), at: "key" };
}

/** Of two equally near keys, the one that the table lacks is intended. */
function missingFirst(keys: readonly string[], table: unknown): string[] {
  const there = (key: string): boolean => isTable(table) && Object.hasOwn(table, key);
  return [...keys.filter((key) => !there(key)), ...keys.filter(there)];
}

/** The type that a table would need for a key. */
function otherVariant(key: string, nodes: readonly SchemaNode[]): string | undefined {
  const types = nodes
    .filter((node) => Object.hasOwn(node.properties ?? {}, key))
    .flatMap((node) => node.properties?.["type"]?.const ?? []);
  return types.length === 0 ? undefined : `it belongs to type = ${listChoices(types.map(String))}`;
}

function otherTable(key: string, table: Path, schema: SchemaNode): string | undefined {
  const tables = new Map<string, string[]>();
  collectTables(schema, [], tables);
  const near = suggest(key, tables.keys());
  if (near === undefined) return undefined;
  // Most likely it was meant for a table below the one that it is in, or else near that.
  const named = table.map((step, index) => (index === 1 ? "<name>" : step)).join(".");
  const all = [...new Set(tables.get(near))];
  const under = (path: string): string[] => all.filter((place) => place.includes(`[${path}.`));
  const [places] = [under(named), under(String(table[0])), all].filter(({ length }) => length > 0) as [
    string[],
  ];
  return `${near === key ? "it" : `"${near}"`} belongs ${places.slice(0, 3).join(" or ")}`;
}

/** For every key of the schema, the tables that have it. */
function collectTables(
  root: SchemaNode,
  path: readonly string[],
  found: Map<string, string[]>,
  isList = false,
): void {
  for (const node of alternatives(root)) {
    const place =
      path.length === 0
        ? "at the top of the file, before the first [table]"
        : isList
          ? `in [[${path.join(".")}]]`
          : `in [${path.join(".")}]`;
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      found.set(key, [...(found.get(key) ?? []), place]);
      collectTables(child, [...path, key], found);
    }
    if (node.items !== undefined) collectTables(node.items, path, found, true);
    if (typeof node.additionalProperties === "object")
      collectTables(node.additionalProperties, [...path, "<name>"], found);
  }
}
