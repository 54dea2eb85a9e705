import type { Finding, Path } from "../../lib/findings.ts";
import type { Override } from "./override.ts";
import { isWithin, type Tree, valueAt } from "./tree.ts";

/** A value from outside the configuration, which may be a secret. */
export interface Inserted {
  /** Where it is. */
  readonly path: Path;
  /** Where it came from: `${NAME}`, `${file:/path}` or a variable's name. */
  readonly source: string;
  readonly value: string;
}

/** Shorter parts of a value tell nothing, and are in every sentence, in characters. */
const shortest = 4;

/** The texts and numbers that overrides have set. */
export function insertedByOverrides(tree: Tree, overrides: readonly Override[]): readonly Inserted[] {
  return overrides.flatMap(({ variable: source, path }) =>
    leavesOf(valueAt(tree, path)).map((value) => ({ path, source, value })),
  );
}

function leavesOf(value: unknown): readonly string[] {
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    return [String(value)];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}

/**
 * Findings that name the source of each value that came from outside, instead of the value: they go to logs and to clients
 * of the admin server.
 */
export function hideInserted(findings: readonly Finding[], inserted: readonly Inserted[]): Finding[] {
  const longestFirst = inserted.toSorted((a, b) => b.value.length - a.value.length);
  return findings.map((finding) => hide(finding, longestFirst));
}

function hide(finding: Finding, inserted: readonly Inserted[]): Finding {
  const concerned = inserted.filter(
    ({ path }) => isWithin(path, finding.path) || isWithin(finding.path, path),
  );
  const hint = finding.hint !== undefined && tells(finding.hint, concerned) ? undefined : finding.hint;
  // Elsewhere a value may be named whole, where two keys contradict each other.
  const named = inserted.filter(({ value }) => value.length > shortest);
  const message = named.reduce(
    (text, { value, source }) =>
      text.replaceAll(JSON.stringify(value).slice(1, -1), source).replaceAll(value, source),
    finding.message,
  );
  const shown = concerned.length > 0 && finding.message.includes(", got ");
  if (!shown && !tells(withoutSources(message, concerned), concerned)) return { ...finding, message, hint };
  const sources = [...new Set(concerned.map(({ source }) => source))].join(", ");
  const [expected] = ownWords.exec(finding.message) ?? [];
  if (expected === undefined) return { ...finding, message: `the value of ${sources} does not fit`, hint };
  return { ...finding, message: `${expected}, got the value of ${sources}`, hint };
}

/** The schema's own words, which have nothing of a value. */
const ownWords = /\bexpected (?:(?!, got ).)*/s;

/** Whether a text may have a part of a value; short values count as a whole. */
function tells(text: string, inserted: readonly Inserted[]): boolean {
  const own = text.replace(ownWords, "");
  return inserted.some(({ value }) => {
    if (value.length <= shortest) return value !== "" && own.includes(value);
    for (let start = 0; start + shortest <= value.length; start++)
      if (own.includes(value.slice(start, start + shortest))) return true;
    return false;
  });
}

const withoutSources = (text: string, inserted: readonly Inserted[]): string =>
  inserted.reduce((rest, { source }) => rest.replaceAll(source, ""), text);
