import type { Path } from "../../lib/findings.ts";
import type { EffectiveValue } from "../provider.ts";
import { applyOverrides, type Override } from "./override.ts";
import { parseConfig } from "./parse.ts";
import { type Positions, readPositions } from "./report/positions.ts";
import { alternatives, below, type SchemaNode } from "./schema/nodes.ts";
import { jsonSchema } from "./schema.ts";
import { formatPath, isTable, isWithin, type Tree } from "./tree.ts";

/** A configuration as text, with the environment that overrides it. */
export interface EffectiveSource {
  readonly text: string;
  /** The name of the text in origins. */
  readonly name: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Every effective key with its source. `${…}` stays as it was written, and a value that a variable has set is written as
 * `${VARIABLE}`, so that no secret is shown. A list is one value.
 * @param source must be valid.
 */
export async function readEffective({
  text,
  name,
  env,
}: EffectiveSource): Promise<readonly EffectiveValue[]> {
  const tree = await parseConfig(text, name);
  // Values from the environment have no `${…}`.
  const { overrides } = applyOverrides(tree, env);
  const origins = new Origins(name, await readPositions(text), overrides);
  const values: EffectiveValue[] = [];
  walk(tree, alternatives(jsonSchema()), []);
  return values;

  function walk(table: Tree, nodes: readonly SchemaNode[], path: Path): void {
    const fitting = nodes.filter((node) => fits(node, table));
    const properties: Record<string, SchemaNode> = Object.assign(
      {},
      ...fitting.map((node) => node.properties),
    );
    for (const key of new Set([...Object.keys(properties), ...Object.keys(table)]))
      visit(table[key], properties[key], below(fitting, key), [...path, key]);
  }

  function visit(
    given: unknown,
    node: SchemaNode | undefined,
    nodes: readonly SchemaNode[],
    path: Path,
  ): void {
    const key = formatPath(path);
    const words = node?.["x-default"];
    const value = given ?? node?.default;
    if (isTable(value)) walk(value, nodes, path);
    else if (given !== undefined) values.push({ key, value: literal(given, path), origin: origins.of(path) });
    else if (value !== undefined) values.push({ key, value, origin: "default" });
    else if (words !== undefined) values.push({ key, origin: "default", words });
  }

  /** In the same environment the variable counts again, so that the whole means the same. */
  function literal(value: unknown, path: Path): unknown {
    const variable = origins.variable(path);
    if (variable !== undefined) return `\${${variable}}`;
    if (Array.isArray(value)) return value.map((element, index) => literal(element, [...path, index]));
    if (!isTable(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, literal(inner, [...path, key])]),
    );
  }
}

/** Whether an alternative has the table's `type`. */
function fits({ properties = {} }: SchemaNode, table: Tree): boolean {
  return Object.entries(properties).every(
    ([key, { const: only }]) => only === undefined || table[key] === only,
  );
}

class Origins {
  readonly #name: string;
  readonly #positions: Positions;
  readonly #overrides: readonly Override[];

  constructor(name: string, positions: Positions, overrides: readonly Override[]) {
    this.#name = name;
    this.#positions = positions;
    this.#overrides = overrides;
  }

  of(path: Path): string {
    const above = this.variable(path);
    if (above !== undefined) return above;
    const inside = this.#overrides.filter((override) => isWithin(override.path, path));
    const found = this.#positions.find(path, "key");
    const written = found?.depth === path.length ? [this.#place(found.range)] : [];
    return [...written, ...inside.map(({ variable }) => variable)].join(", ");
  }

  /** The variable that has set a value; undefined: none has. */
  variable(path: Path): string | undefined {
    return this.#overrides.findLast((override) => isWithin(path, override.path))?.variable;
  }

  #place({ line, column }: { readonly line: number; readonly column: number }): string {
    return `${this.#name}:${line}:${column}`;
  }
}

/** A configuration with the same meaning, with each origin as a remark. */
export function formatEffective(values: readonly EffectiveValue[]): string {
  const lines = values.map(({ key, value, origin, words }) =>
    value === undefined ? `# ${key}: ${words} (${origin})` : `${key} = ${toml(value)} # ${origin}`,
  );
  return lines.map((line) => `${line}\n`).join("");
}

/** One line. JSON's strings are TOML's, too. */
function toml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(", ")}]`;
  if (!isTable(value)) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, inner]) => `${formatPath([key])} = ${toml(inner)}`);
  return `{ ${pairs.join(", ")} }`;
}
