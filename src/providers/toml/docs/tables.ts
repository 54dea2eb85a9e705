import { pickerTypes } from "../../../model/pool.ts";
import { listPlanned } from "../planned.ts";
import { alternatives, type SchemaNode } from "../schema/nodes.ts";
import { jsonSchema } from "../schema.ts";

/** Markdown: for every table of the configuration its keys with type, default and meaning. */
export function configurationTables(): string {
  return sections(jsonSchema(), "", "Top level").join("\n\n");
}

/** Markdown: each picker with its description. */
export function pickerTable(): string {
  return markdownTable(
    ["picker", "chooses"],
    Object.entries(pickerTypes).map(([type, { does }]) => [`\`${type}\``, does]),
  );
}

/** Markdown: the planned keys, which are rejected until they work. */
export function plannedList(): string {
  const planned = listPlanned();
  return planned.length === 0 ? "None at present." : planned.map((text) => `- \`${text}\``).join("\n");
}

/** A Markdown table; `|` may be used in cells. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
}

/** A table's section, then those of the tables in it. */
function sections(node: SchemaNode, path: string, title: string): string[] {
  const properties = Object.entries(node.properties ?? {});
  const rows = properties.filter(([, child]) => !isSection(child));
  const below = properties.flatMap(([key, child]) =>
    childSections(child, path === "" ? key : `${path}.${key}`),
  );
  if (rows.length === 0) return below;
  const table = markdownTable(
    ["key", "value", "default", "meaning"],
    rows.map(([key, child]) => [
      `\`${key}\``,
      typeOf(child),
      defaultOf(child, node.required?.includes(key) ?? false),
      child.description ?? "",
    ]),
  );
  const about = path === "" ? undefined : node.description;
  return [[`### ${title}`, about, table].filter(Boolean).join("\n\n"), ...below];
}

function childSections(node: SchemaNode, path: string): string[] {
  if (node.items !== undefined) return variants(node.items, path, `\`[[${path}]]\``);
  if (typeof node.additionalProperties === "object")
    return variants(
      { ...node.additionalProperties, ...about(node) },
      `${path}.<name>`,
      `\`[${path}.<name>]\``,
    );
  return variants(node, path, `\`[${path}]\``);
}

/** One section for every kind of table that may stand at a path. */
function variants(node: SchemaNode, path: string, title: string): string[] {
  const tables = alternatives(node).filter((choice) => choice.type === "object");
  return tables.flatMap((table) => {
    if (tables.length === 1) return sections({ ...table, ...about(node) }, path, title);
    const { type, ...properties } = table.properties ?? {};
    if (Object.keys(properties).length === 0) return [];
    return sections(
      { ...table, properties, ...about(node) },
      path,
      `${title} with \`type = ${JSON.stringify(type?.const)}\``,
    );
  });
}

function about({ description }: SchemaNode): Pick<SchemaNode, "description"> {
  return description === undefined ? {} : { description };
}

/** A table has its own section. A key that may also be a plain value has a row too. */
function isSection(node: SchemaNode): boolean {
  return alternatives(node).every((choice) => choice.type === "object" && !holdsValues(choice));
}

/** Whether it is a table by names of the user's whose values are no tables. */
function holdsValues({ additionalProperties: value }: SchemaNode): boolean {
  return typeof value === "object" && alternatives(value).every((choice) => choice.type !== "object");
}

function typeOf(node: SchemaNode): string {
  if (node["x-type"] !== undefined) return node["x-type"];
  const choices = alternatives(node);
  if (choices.length > 1) return [...new Set(choices.map(typeOf))].join(" or ");
  if (holdsValues(node)) return `table: ${typeOf(node.additionalProperties as SchemaNode)}`;
  if (node.enum !== undefined) return node.enum.map(code).join(", ");
  if (node.const !== undefined) return code(node.const);
  if (node.items !== undefined) return `list: ${typeOf(node.items)}`;
  if (node.minimum !== undefined) return `${node.type}, ${node.minimum} to ${node.maximum}`;
  if (node.type === "boolean") return "`true`, `false`";
  return node.type === "object" ? "table" : "text";
}

function defaultOf(node: SchemaNode, required: boolean): string {
  if (required) return "required";
  return node["x-default"] ?? (node.default === undefined ? "none" : code(node.default));
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}
