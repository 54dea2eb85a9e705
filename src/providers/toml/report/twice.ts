/** The line, from 1, in which the key or table of a later line was written first; undefined when it is not found. */
export function firstPlace(lines: readonly string[], later: number): number | undefined {
  const wanted = nameOf(lines[later - 1] ?? "");
  if (wanted === undefined) return undefined;
  const begin = wanted.startsWith("[") ? 0 : tableOf(lines, later);
  for (let line = begin + 1; line < later; line++) if (nameOf(lines[line - 1]!) === wanted) return line;
  return undefined;
}

/** The line of the table that a line is in; 0 before the first table. */
function tableOf(lines: readonly string[], line: number): number {
  for (let number = line - 1; number > 0; number--)
    if (nameOf(lines[number - 1]!)?.startsWith("[")) return number;
  return 0;
}

/** `[pools.api]` or `picker`, however it is spaced. */
function nameOf(line: string): string | undefined {
  const [, table] = /^\s*(\[[^\]]*\])\s*(?:#|$)/.exec(line) ?? [];
  const [, key] = /^\s*([^=#[\]]+?)\s*=/.exec(line) ?? [];
  return (table ?? key)?.replaceAll(/[\s"']/g, "");
}
