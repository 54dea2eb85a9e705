/** A part of a text: lines and columns from 1, the end column just behind it. */
export interface Range {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Columns of a terminal beside the margin. */
const widest = 120;

/** The line of a range with a marker below it, and the lines before and after. A long line is cut around the range. */
export function codeFrame(lines: readonly string[], range: Range): string {
  const first = Math.max(range.line - 1, 1);
  const last = Math.min(range.line + 1, lines.length);
  const width = String(last).length;
  const start = range.column > widest ? range.column - 1 - widest / 2 : 0;
  const cut = (text: string): string => printable(text.slice(start, start + widest)).trimEnd();
  const frame: string[] = [];
  for (let number = first; number <= last; number++) {
    const line = lines[number - 1]!;
    const marked = number === range.line;
    frame.push(`${marked ? ">" : " "} ${String(number).padStart(width)} | ${cut(line)}`.trimEnd());
    if (marked) frame.push(`  ${" ".repeat(width)} | ${cut(marker(line, range))}`);
  }
  return frame.join("\n");
}

function marker(line: string, range: Range): string {
  const before = line.slice(0, range.column - 1).replace(/[^\t]/g, " ");
  const end = range.endLine === range.line ? range.endColumn : line.length + 1;
  return before.padEnd(range.column - 1) + "^".repeat(Math.max(end - range.column, 1));
}

/** Control characters would act on the terminal that shows the frame. */
function printable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find.
  return line.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, "\ufffd");
}

/** The lines of a TOML text. */
export function splitLines(text: string): string[] {
  return text.split(/\r?\n/);
}
