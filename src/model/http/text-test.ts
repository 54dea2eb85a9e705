import { cookieValue } from "./cookie.ts";
import type { PresenceTest, RangeTest, TextTest, ValueMatch } from "./match.ts";

/** @param value undefined: there is none. */
export type CompiledTest = (value: string | undefined) => boolean;

/** Makes the test of a regular expression, for the whole text. @throws where it is none. */
export type CompileRegex = (pattern: string, ignoreCase: boolean) => (text: string) => boolean;

/** The test of a field or a key, with its `not` and `missing`. */
export function compileValueTest(
  { test, not, missing, cookie }: ValueMatch,
  compileRegex: CompileRegex,
): CompiledTest {
  const whole = compileTest(test, compileRegex);
  const plain: CompiledTest = cookie === undefined ? whole : (fields) => whole(cookieValue(fields, cookie));
  const holds: CompiledTest = missing === "empty" ? (value) => plain(value ?? "") : plain;
  if (!not) return holds;
  return missing === "fails" ? (value) => value !== undefined && !holds(value) : (value) => !holds(value);
}

/** Makes a test once, so that a request only runs it. */
export function compileTest(
  test: TextTest | PresenceTest | RangeTest,
  compileRegex: CompileRegex,
): CompiledTest {
  if (test.kind === "present") return (value) => value !== undefined;
  if (test.kind === "range") return (value) => value !== undefined && isWithin(test, value);
  if (test.kind === "regex") {
    const matches = compileRegex(test.value, test.ignoreCase);
    return (value) => value !== undefined && matches(value);
  }
  const compare = comparisons[test.kind];
  if (!test.ignoreCase) return (value) => value !== undefined && compare(value, test.value);
  const wanted = lowerAscii(test.value);
  return (value) => value !== undefined && compare(lowerAscii(value), wanted);
}

/** @param value a whole number without anything else, as `strtoll` reads it. */
const isWithin = ({ from, to }: RangeTest, value: string): boolean =>
  /^[+-]?\d{1,19}$/.test(value) && Number(value) >= from && Number(value) < to;

const comparisons = {
  exact: (value: string, wanted: string): boolean => value === wanted,
  prefix: (value: string, wanted: string): boolean => value.startsWith(wanted),
  suffix: (value: string, wanted: string): boolean => value.endsWith(wanted),
  contains: (value: string, wanted: string): boolean => value.includes(wanted),
};

/** `toLowerCase` would fold letters outside ASCII too, and change how long a text is. */
export function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
