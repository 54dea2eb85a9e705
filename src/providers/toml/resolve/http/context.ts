import { errorAt, type Finding, type Path } from "../../../../lib/findings.ts";
import { loadRegexes, RegexError } from "../../../../lib/regex.ts";

/** The things that every part of resolving has at hand. */
export interface Resolving {
  /** Where relative paths start. */
  readonly directory: string;
  report(finding: Finding): void;
}

/** Says what is wrong with a regular expression, if anything is. */
export async function checkRegex(
  { report }: Resolving,
  path: Path,
  pattern: string,
  replacement?: string,
): Promise<void> {
  // Texts of requests have a character per byte.
  if (/[^\t\x20-\x7e]/.test(pattern)) {
    report(
      errorAt(path, `${JSON.stringify(pattern)} has characters outside ASCII; write \\xHH for each byte`),
    );
    return;
  }
  const regexes = await loadRegexes();
  try {
    if (replacement === undefined) regexes.whole(pattern, false);
    else regexes.replaceFirst(pattern, replacement);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    report(errorAt(path, `${JSON.stringify(pattern)} ${error.message}`));
  }
}

/** Which of a table's keys are there. */
export function given<K extends string>(table: { readonly [key in K]?: unknown }, keys: readonly K[]): K[] {
  return keys.filter((key) => table[key] !== undefined);
}
