import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnswerField } from "../../../../src/data/guard/step.ts";
import { responseEdits } from "../../../../src/data/serve/http/heads.ts";
import { readFields } from "../../../../src/http/scan.ts";

test("a guard's field for the client is set, or is there only where the answer has one, or has none", () => {
  const client = {
    frontend: { dropped: [], responseLines: () => "", front: { forwarded: {}, securityFields: false } },
    connection: {},
  };
  const of = (when: AnswerField["when"], came: string): string => {
    const fields = readFields(came);
    const head = { status: 200, phrase: "", fields, length: 0 };
    const view = {
      header: () => undefined,
      method: "GET",
      passage: { responseLines: "", answerFields: [{ name: "x-a", line: "x-a: 1\r\n", when }] },
    };
    const { dropped, lines } = responseEdits(head, view as never, undefined, client as never);
    return (fields.linesExcept(dropped) + lines).replaceAll(/x-a: |\r\n/g, "");
  };
  const two = "x-a: 2\r\nx-a: 3\r\n";
  assert.deepEqual([of("set", ""), of("set", two)], ["1", "1"]);
  assert.deepEqual([of("absent", ""), of("absent", two)], ["1", "23"]);
  assert.deepEqual([of("present", ""), of("present", two)], ["", "1"]);
});
