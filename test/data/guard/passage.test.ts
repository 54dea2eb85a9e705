import assert from "node:assert/strict";
import { test } from "node:test";
import { Passage, type Way } from "../../../src/data/guard/passage.ts";
import type { GuardedRequest, Step, Verdict } from "../../../src/data/guard/step.ts";

const decision = { kind: "refuse" } as unknown as Way["onward"];

const step = (name: string, verdict: Verdict, asked: string[]): Step => ({
  name,
  judge: () => {
    asked.push(name);
    return verdict;
  },
  count: () => {},
});

test("on another route, only those guards are not asked again that have let the request in", () => {
  const asked: string[] = [];
  const pass = { kind: "pass" } as Verdict;
  const refuse = { kind: "refuse", reason: "auth_denied", detail: "" } as Verdict;
  const token = step("token", pass, asked);
  const password = step("password", refuse, asked);
  const first = step("first", refuse, asked);
  const processor = step("processor", { ...pass, reroutes: true } as Verdict, asked);
  const outcomes: string[] = [];
  const passage = new Passage(
    [[first, token, password], [processor]],
    {} as GuardedRequest,
    {
      passed: () => void outcomes.push("passed"),
      refused: () => void outcomes.push("refused"),
      rerouted: () => ({ steps: [[token, first], [processor], [password]], onward: decision }),
    },
    decision,
  );
  passage.begin();
  assert.deepEqual(asked, ["first", "token", "processor", "password"]);
  assert.deepEqual(outcomes, ["refused"]);
});
