import type { ValueMatch } from "../../../model/http/match.ts";
import { type CompiledTest, type CompileRegex, compileTest } from "../../../model/http/text-test.ts";
import { cookieValue } from "./cookie.ts";

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
