import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { didYouMean, suggest } from "../../src/lib/suggest.ts";

test("misspelt words find what was meant, other words find nothing", () => {
  const words = ["listeners", "log", "pools", "round-robin", "half_close"];
  for (const [word, meant] of [
    ["listener", "listeners"],
    ["lsiteners", "listeners"],
    ["Round_Robin", "round-robin"],
    ["halfclose", "half_close"],
    ["pool", "pools"],
    ["lgo", "log"],
    ["frontends", undefined],
    ["", undefined],
  ] as const)
    assert.equal(suggest(word, words), meant, word);
  assert.equal(didYouMean("pool", words), 'did you mean "pools"?');
  assert.equal(didYouMean("x", []), undefined);
});

test("a word is always found in a list that has it", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z-]{1,9}$/), { minLength: 1 }), fc.nat(), (words, index) => {
      const word = words[index % words.length]!;
      assert.equal(suggest(word, words), word);
    }),
  );
});
