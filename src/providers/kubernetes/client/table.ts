/** A table of YAML or JSON that nobody has looked at. */
export type Table = Readonly<Record<string, unknown>>;

/** Anything else is an empty one. */
export const tableOf = (value: unknown): Table =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};

/** The text of a key; empty where there is none. */
export function textOf(table: Table, key: string): string {
  const value = table[key];
  return typeof value === "string" ? value : "";
}
