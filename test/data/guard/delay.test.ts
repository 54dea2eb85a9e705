import assert from "node:assert/strict";
import { test } from "node:test";
import { DelayJudge } from "../../../src/data/guard/delay.ts";
import type { GuardedRequest, Verdict } from "../../../src/data/guard/step.ts";

const request = {} as GuardedRequest;

/** Judges one request. @returns the verdict so far. */
function judged(judge: DelayJudge) {
  const told: Verdict[] = [];
  const verdict = judge.judge(request, { settle: (late) => void told.push(late) });
  return { verdict, told };
}

test("a delay lets a request pass once its time is over", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const judge = new DelayJudge({ kind: "delay", name: "delays.x", time: 250, percent: 100 });
  const { verdict, told } = judged(judge);
  assert.equal(verdict.kind, "wait");
  t.mock.timers.tick(249);
  assert.deepEqual([told, judge.waiting], [[], 1]);
  t.mock.timers.tick(1);
  assert.deepEqual([told, judge.waiting], [[{ kind: "pass" }], 0]);
});

test("a request that is over is told nothing any more", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const judge = new DelayJudge({ kind: "delay", name: "delays.x", time: 250, percent: 100 });
  const { verdict, told } = judged(judge);
  if (verdict.kind === "wait") verdict.withdraw();
  t.mock.timers.tick(1_000);
  assert.deepEqual([told, judge.waiting], [[], 0]);
});

test("a delay holds up its share of the requests, and no more than 10,000 at a time", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const draws = [39.9, 40, 0, 99].map((draw) => draw / 100);
  t.mock.method(Math, "random", () => draws.shift() ?? 0);
  const judge = new DelayJudge({ kind: "delay", name: "delays.x", time: 250, percent: 40 });
  const kinds = [1, 2, 3, 4].map(() => judged(judge).verdict.kind);
  assert.deepEqual(kinds, ["wait", "pass", "wait", "pass"]);
  for (let count = 0; count < 9_998; count++) judged(judge);
  assert.equal(judge.waiting, 10_000);
  assert.equal(judged(judge).verdict.kind, "pass");
});
