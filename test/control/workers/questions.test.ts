import assert from "node:assert/strict";
import { test } from "node:test";
import { Questions } from "../../../src/control/workers/questions.ts";
import { err } from "../../../src/lib/result.ts";
import { patient } from "../../support/patience.ts";

test("each answer comes to its question, in whatever order they come", async () => {
  const questions = new Questions();
  const ids: number[] = [];
  const asked = [0, 1].map(() => questions.ask((id) => void ids.push(id), patient(10_000)));
  for (const id of ids.toReversed()) questions.answered(id, err(`answer ${id}`));
  assert.deepEqual(
    await Promise.all(asked),
    ids.map((id) => err(`answer ${id}`)),
  );
});

test("without an answer in time there is none, and one that comes late is not heard", async () => {
  const questions = new Questions();
  let asked = 0;
  const answer = await questions.ask((id) => {
    asked = id;
  }, 1);
  assert.equal(answer, undefined);
  questions.answered(asked, err("late"));
});
