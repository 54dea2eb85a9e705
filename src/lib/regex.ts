import type { RE2JS } from "re2js";
import { importModule } from "./own-modules.ts";
import type * as Engine from "./regex-engine.ts";

/*
 * Regular expressions in RE2's syntax, whose time grows with the text in proportion, whatever the text is: see
 * docs/adr/0027-regular-expressions.md.
 */

/** The longest expression, in characters. */
const longestPattern = 1_024;

/** Makes tests and replacements of regular expressions. Each may be used for any number of texts. */
export interface Regexes {
  /** @returns whether the expression takes a text, all of it. @throws RegexError */
  whole(pattern: string, ignoreCase: boolean): (text: string) => boolean;
  /** @returns the text with its first match replaced; `$1` is a group, `$$` a dollar sign. @throws RegexError */
  replaceFirst(pattern: string, replacement: string): (text: string) => string;
  /** The same with all of its matches. */
  replaceAll(pattern: string, replacement: string): (text: string) => string;
}

/** A text that is no regular expression. Its message is the end of a sentence that begins with the text. */
export class RegexError extends Error {
  override readonly name = "RegexError";
}

let loaded: Promise<Regexes> | undefined;
let ready: Regexes | undefined;

/** Loads the engine, once: a configuration without regular expressions has no use for it. */
export function loadRegexes(): Promise<Regexes> {
  loaded ??= importModule<typeof Engine>("lib/regex-engine").then(({ RE2JS: engine }) => {
    ready = new Re2Regexes(engine);
    return ready;
  });
  return loaded;
}

/** The engine, for whoever knows that it is loaded. @throws where it is not, which is a defect. */
export function regexes(): Regexes {
  if (ready === undefined) throw new Error("the engine for regular expressions is not loaded");
  return ready;
}

class Re2Regexes implements Regexes {
  readonly #engine: typeof RE2JS;

  constructor(engine: typeof RE2JS) {
    this.#engine = engine;
  }

  whole(pattern: string, ignoreCase: boolean): (text: string) => boolean {
    const regex = this.#compile(pattern, ignoreCase ? this.#engine.CASE_INSENSITIVE : 0);
    return (text) => regex.testExact(text);
  }

  replaceFirst(pattern: string, replacement: string): (text: string) => string {
    const regex = this.#compileFor(pattern, replacement);
    return (text) => regex.matcher(text).replaceFirst(replacement);
  }

  replaceAll(pattern: string, replacement: string): (text: string) => string {
    const regex = this.#compileFor(pattern, replacement);
    return (text) => regex.matcher(text).replaceAll(replacement);
  }

  /** With the groups that the replacement names. */
  #compileFor(pattern: string, replacement: string): RE2JS {
    const regex = this.#compile(pattern, 0);
    const groups = regex.groupCount();
    const missing = [...replacement.matchAll(/\$(\$|\d+)/g)].find(([, group]) => Number(group) > groups);
    if (missing !== undefined)
      throw new RegexError(`has ${groups} groups, but ${missing[0]} is to be filled in`);
    return regex;
  }

  #compile(pattern: string, flags: number): RE2JS {
    if (pattern.length > longestPattern) throw new RegexError(`is longer than ${longestPattern} characters`);
    try {
      return this.#engine.compile(pattern, flags);
    } catch (error) {
      throw new RegexError(describe(pattern, (error as Error).message));
    }
  }
}

function describe(pattern: string, reason: string): string {
  if (/\(\?<?[=!]/.test(pattern))
    return "looks ahead or behind, which regular expressions that always take linear time cannot (RE2)";
  if (/\\[1-9]/.test(pattern))
    return "refers back to a group, which regular expressions that always take linear time cannot (RE2)";
  return `is no regular expression of RE2: ${reason.replace(/^error parsing regexp: /, "")}`;
}
