import { regexes } from "../../../../lib/regex.ts";
import type { TextTest } from "../../../../model/http/match.ts";
import { compileTest } from "../../../../model/http/text-test.ts";

/** Whether one of several tests holds for the name of a field, in lower case. */
export type NameTest = (name: string) => boolean;

/** @throws where one of them has a regular expression, and `loadRegexes` was not awaited. */
export function anyOf(tests: readonly TextTest[]): NameTest {
  const compiled = tests.map((test) =>
    compileTest(test, (pattern, ignoreCase) => regexes().whole(pattern, ignoreCase)),
  );
  return (name) => compiled.some((test) => test(name));
}

/** @param only undefined: all of them. @throws as {@link anyOf}. */
export function seeing(only: readonly TextTest[] | undefined, never: readonly TextTest[]): NameTest {
  const [wanted, unwanted] = [only && anyOf(only), anyOf(never)];
  return (name) => wanted?.(name) !== false && !unwanted(name);
}
