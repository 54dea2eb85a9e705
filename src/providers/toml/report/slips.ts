/** A usual mistake in writing TOML, in one line of a text. Columns are from 1, the end just behind it. */
export interface Slip {
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  readonly message: string;
  readonly hint?: string;
  /** The line as it was most likely meant; undefined where nothing behind it can be judged. */
  readonly repaired: string | undefined;
}

/** Where a parser gave up, and why. */
interface Fault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

type Test = (line: string, fault: Fault, lines: readonly string[]) => Omit<Slip, "line"> | undefined;

/** The usual mistake that a parser tripped over; undefined when it is none of them. */
export function findSlip(lines: readonly string[], fault: Fault): Slip | undefined {
  const open = unclosedList(lines, fault);
  if (open !== undefined) return open;
  const line = lines[fault.line - 1] ?? "";
  for (const test of tests) {
    const slip = test(line, fault, lines);
    if (slip !== undefined) return { line: fault.line, ...slip };
  }
  return undefined;
}

const at = (index: number, length: number) => ({ column: index + 1, endColumn: index + 1 + length });

const curlyQuote: Test = (line) => {
  const index = line.search(/[“”„‘’«»]/);
  if (index === -1 || line.slice(0, index).includes("#")) return undefined;
  const repaired = line.replace(/[“”„«»]/g, '"').replace(/[‘’]/g, "'");
  return { ...at(index, 1), message: `${line[index]} is a typographic quote; write "`, repaired };
};

const wrongComment: Test = (line) => {
  const [, blanks, mark] = /^(\s*)(\/\/|;|--)/.exec(line) ?? [];
  if (mark === undefined) return undefined;
  return { ...at(blanks!.length, mark.length), message: "a comment begins with #", repaired: "" };
};

const unclosedHeader: Test = (line) => {
  const [header, blanks, open] = /^(\s*)(\[\[?)[^\]#=]*/.exec(line) ?? [];
  if (header === undefined || open === undefined) return undefined;
  const there = /^\]*/.exec(line.slice(header.length))![0].length;
  if (there >= open.length) return undefined;
  const missing = "]".repeat(open.length - there);
  const end = header.trimEnd().length + there;
  const repaired = line.slice(0, end) + missing + line.slice(end);
  return {
    ...at(end, 1),
    message: `the table's name needs ${missing} at its end`,
    hint: repaired.slice(blanks!.length, end + missing.length),
    repaired,
  };
};

/** A bare or quoted key, dots included. */
const key = String.raw`\s*(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*`;

const colon: Test = (line) => {
  const [, before] = new RegExp(`^(${key}\\s*):`).exec(line) ?? [];
  if (before === undefined) return undefined;
  const value = line.slice(before.length + 1);
  const repaired = `${before.trimEnd()} =${value.startsWith(" ") ? "" : " "}${value}`;
  return { ...at(before.length, 1), message: "write = between a key and its value, not :", repaired };
};

const twoEquals: Test = (line) => {
  const [, before, signs] = new RegExp(`^(${key}\\s*)(={2,}|:=|=>)`).exec(line) ?? [];
  if (before === undefined) return undefined;
  const repaired = `${before}=${line.slice(before.length + signs!.length)}`;
  return {
    ...at(before.length, signs!.length),
    message: "write one = between a key and its value",
    repaired,
  };
};

const noEquals: Test = (line) => {
  const [, before, blank] = new RegExp(`^(${key})(\\s+)[^\\s=.#]`).exec(line) ?? [];
  if (before === undefined) return undefined;
  const repaired = `${before} = ${line.slice(before.length + blank!.length)}`;
  return { ...at(before.length, 1), message: "write = between a key and its value", repaired };
};

const noValue: Test = (line) => {
  const [, before] = new RegExp(`^(${key}\\s*=)\\s*(?:#.*)?$`).exec(line) ?? [];
  if (before === undefined) return undefined;
  return { ...at(before.length - 1, 1), message: "a value is missing behind =", repaired: "" };
};

/** From the quote that opens a text to the end of the line, without a comment or the rest of a list. */
const unclosedText: Test = (line, { message, column }) => {
  if (!message.startsWith("control characters") && !message.startsWith("unfinished")) return undefined;
  const start = openQuote(line.slice(0, column));
  if (start === -1) return undefined;
  const quote = line[start]!;
  const text = /^[^#]*?(?=\s*[\]},]*\s*(?:#.*)?$)/.exec(line.slice(start + 1))?.[0] ?? line.slice(start + 1);
  const end = start + 1 + text.length;
  return {
    ...at(start, end - start),
    message: `the text that begins here needs ${quote} at its end`,
    hint: `did you mean ${line.slice(start, end)}${quote}?`,
    repaired: line.slice(0, end) + quote + line.slice(end),
  };
};

/** The index of the quote of a text that is open at the end of a line; -1: none is. */
function openQuote(line: string): number {
  let open = -1;
  for (let index = 0; index < line.length; index++) {
    const char = line[index]!;
    if (open === -1 && char === "#") return -1;
    if (open === -1 ? char === '"' || char === "'" : char === line[open]) open = open === -1 ? index : -1;
    else if (char === "\\" && open !== -1 && line[open] === '"') index++;
  }
  return open;
}

const backslash: Test = (line, { message, column }) => {
  if (!message.startsWith("unrecognised escape")) return undefined;
  const index = line.lastIndexOf("\\", column - 1);
  if (index === -1) return undefined;
  return {
    ...at(index, 2),
    message: "\\ has a meaning of its own between double quotes; write it twice, or the text between '…'",
    repaired: `${line.slice(0, index)}\\${line.slice(index)}`,
  };
};

const words: ReadonlyMap<string, string> = new Map([
  ...["True", "TRUE", "yes", "Yes", "on", "On"].map((word) => [word, "true"] as const),
  ...["False", "FALSE", "no", "No", "off", "Off"].map((word) => [word, "false"] as const),
]);

/** A text without quotes: an address, a word, a duration. */
const bareText: Test = (line, { message, column }) => {
  if (!message.startsWith("invalid value") && !message.includes("numeric literal")) return undefined;
  let start = column - 1;
  while (start > 0 && /[^\s=,[{]/.test(line[start - 1]!)) start--;
  const [text] = /^[\w.:/*@-]+/.exec(line.slice(start)) ?? [];
  if (text === undefined) return undefined;
  const meant = words.get(text);
  const repaired = (value: string): string => line.slice(0, start) + value + line.slice(start + text.length);
  const place = at(start, text.length);
  if (meant !== undefined) return { ...place, message: `write ${meant}`, repaired: repaired(meant) };
  const quoted = JSON.stringify(text);
  return {
    ...place,
    message: "a text needs quotes",
    hint: `did you mean ${quoted}?`,
    repaired: repaired(quoted),
  };
};

const missingComma: Test = (line, { message, column }) => {
  if (!message.startsWith("expected comma")) return undefined;
  const before = line.slice(0, column - 1).trimEnd();
  if (before === "" || /[[{,]$/.test(before)) return undefined;
  return {
    ...at(before.length, 1),
    message: "a comma is missing here",
    repaired: `${before}, ${line.slice(column - 1)}`,
  };
};

/** The order matters: what comes first is the surer one. */
const tests: readonly Test[] = [
  curlyQuote,
  wrongComment,
  colon,
  twoEquals,
  unclosedHeader,
  noValue,
  unclosedText,
  backslash,
  bareText,
  missingComma,
  noEquals,
];

/** How far back a list may have begun. */
const mostLines = 200;

/** A list or table that is still open where the next key or table begins, which is where a parser notices. */
function unclosedList(lines: readonly string[], { line: last, message }: Fault): Slip | undefined {
  if (!message.startsWith("expected comma") && !message.startsWith("unfinished")) return undefined;
  const next = lines[last - 1] ?? "";
  if (!new RegExp(`^(?:${key}\\s*=|\\s*\\[)`).test(next) && last < lines.length) return undefined;
  for (let number = last - 1; number > 0 && number > last - mostLines; number--) {
    const line = lines[number - 1]!;
    if (!new RegExp(`^${key}\\s*=\\s*[[{]`).test(line)) continue;
    const index = line.search(/=\s*[[{]/);
    const start = line.indexOf(line.slice(index).match(/[[{]/)![0], index);
    const close = line[start] === "[" ? "]" : "}";
    const what = close === "]" ? "list" : "table";
    return {
      line: number,
      ...at(start, 1),
      message: `the ${what} that begins here needs ${close} at its end`,
      repaired: number === last - 1 ? `${line.trimEnd()}${close}` : undefined,
    };
  }
  return undefined;
}
