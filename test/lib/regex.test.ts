import assert from "node:assert/strict";
import { test } from "node:test";
import { loadRegexes, RegexError } from "../../src/lib/regex.ts";

const regexes = await loadRegexes();

test("an expression must take the whole text", () => {
  const matches = regexes.whole("/u/[0-9]+|/x", false);
  assert.equal(matches("/u/12"), true);
  assert.equal(matches("/x"), true);
  assert.equal(matches("/u/12/"), false);
  assert.equal(matches("a/x"), false);
});

test("case counts unless it is told not to", () => {
  assert.equal(regexes.whole("/Api", false)("/api"), false);
  assert.equal(regexes.whole("/Api", true)("/aPI"), true);
});

test("the first match is replaced, with groups filled in", () => {
  const replace = regexes.replaceFirst("/v([0-9])", "/version/$1$$");
  assert.equal(replace("/v1/v2"), "/version/1$/v2");
  assert.equal(replace("/x"), "/x");
});

test("a group that there is not is refused when the expression is read", () => {
  assert.throws(
    () => regexes.replaceFirst("(a)(b)", "$3"),
    new RegexError("has 2 groups, but $3 is to be filled in"),
  );
});

for (const [pattern, said] of [
  ["/(?=a)", /looks ahead or behind/],
  ["/(?<!a)b", /looks ahead or behind/],
  ["/(a)\\1", /refers back to a group/],
  ["/(", /missing closing \)/],
  ["a{1001}", /invalid repeat count/],
  ["a".repeat(1_025), /longer than 1024/],
] as const)
  test(`${pattern.slice(0, 12)} is refused, and it is said why`, () => {
    assert.throws(
      () => regexes.whole(pattern, false),
      (error: unknown) => error instanceof RegexError && said.test(error.message),
    );
  });

/** The fastest of a few: what a busy machine adds is not meant. */
function fastest(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

for (const pattern of ["(a|aa)+", "(a*)*b", "(.*)(.*)(.*)x", "([a-z]+)+!"])
  test(`time for ${pattern} grows with the text in proportion`, () => {
    const matches = regexes.whole(pattern, false);
    const [short, long] = [1_000, 8_000].map((length) => `${"a".repeat(length)}-`) as [string, string];
    assert.equal(matches(long), false);
    const ratio =
      fastest(() => matches(long)) /
      Math.max(
        fastest(() => matches(short)),
        0.05,
      );
    // Eight times as long; quadratic would be 64, and a backtracking engine would not come to an end.
    assert.ok(ratio < 40, `${ratio}`);
  });
