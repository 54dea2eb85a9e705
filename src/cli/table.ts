/**
 * Columns two blanks apart. A column whose title begins with # has numbers and is aligned to the right. A column without
 * any content is left out.
 */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const used = titles.map((_, column) => rows.length === 0 || rows.some((cells) => cells[column] !== ""));
  const lines = [titles.map((title) => title.replace("#", "")), ...rows];
  const widths = titles.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => pad(cell, widths[column]!, titles[column]!.startsWith("#")))
      .filter((_, column) => used[column])
      .join("  ");
  return lines.map((cells) => line(cells).trimEnd()).join("\n");
}

const pad = (cell: string, width: number, right: boolean): string =>
  right ? cell.padStart(width) : cell.padEnd(width);
