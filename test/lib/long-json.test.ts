import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Items, longJson, Members } from "../../src/lib/long-json.ts";
import { wholeText } from "../support/whole-text.ts";

test("a long JSON is what JSON.stringify makes, at every depth", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.object({ maxDepth: 7 }), fc.array(fc.jsonValue())),
      fc.constantFrom(1, 2),
      async (value, indent) => {
        const expected = JSON.stringify(value, undefined, indent);
        assert.equal(await wholeText(longJson(value, indent)), `${expected}\n`);
      },
    ),
  );
});

test("members and items are made when it is their turn", async () => {
  const value = {
    pools: new Members(() =>
      ["a", "b"].map((name) => [name, { name, "line\nbreak": [1, { two: 2 }] }] as const),
    ),
    none: new Members(() => []),
    items: new Items(() => [1, undefined, { x: [] }]),
    empty: new Items(() => []),
    left: undefined,
  };
  const same = {
    pools: Object.fromEntries(value.pools.each()),
    none: {},
    items: [1, null, { x: [] }],
    empty: [],
  };
  assert.equal(await wholeText(longJson(value, 2)), `${JSON.stringify(same, undefined, 2)}\n`);
});
