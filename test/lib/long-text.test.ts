import assert from "node:assert/strict";
import { test } from "node:test";
import { inPieces } from "../../src/lib/long-text.ts";
import { wholeText } from "../support/whole-text.ts";

test("a text comes in pieces of a bounded size, which are made when they are asked for", async () => {
  let made = 0;
  function* bits(): Generator<string> {
    for (; made < 1_000; made++) yield "x".repeat(1_000);
  }
  const pieces = inPieces(bits());
  const first = await pieces.next();
  assert.equal(first.value?.length, 66_000);
  assert.ok(made < 70, String(made));
  let rest = 0;
  for await (const { length } of pieces) {
    assert.ok(length <= 66_000);
    rest += length;
  }
  assert.equal(rest, 1_000_000 - 66_000);
});

test("an empty text has no piece", async () => {
  assert.equal(await wholeText(inPieces([])), "");
});

test("others have their turns while a text is made", async () => {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  function* bits(): Generator<string> {
    for (let bit = 0; bit < 20; bit++) {
      const began = performance.now();
      while (performance.now() - began < 3);
      yield "";
    }
  }
  await wholeText(inPieces(bits()));
  isOver = true;
  assert.ok(turns >= 8, String(turns));
});
