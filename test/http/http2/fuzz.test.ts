import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../support/pickers.ts";
import { fuzzClient, fuzzServer } from "./fuzz.ts";

test("whatever frames come, the rules of the engine hold: each side, 300 connections", () => {
  const random = seededRandom(7);
  let heard = 0;
  for (let round = 0; round < 300; round++) heard += fuzzServer(random) + fuzzClient(random);
  assert.ok(heard > 500, `and much of it is sound: ${heard}`);
});
