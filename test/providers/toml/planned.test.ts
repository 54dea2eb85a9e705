import assert from "node:assert/strict";
import { test } from "node:test";
import { listPlanned } from "../../../src/providers/toml/planned.ts";
import { load, smallest } from "./loading.ts";

/** Every key and value of the contract that does not work yet, in the table where it belongs. */
const planned: readonly [table: string, line: string, listed: string][] = [];

for (const [table, line, listed] of planned)
  test(`[${table}] ${line} is refused as not supported yet, and for nothing else`, async () => {
    const text = smallest.includes(`[${table}]`)
      ? smallest.replace(`[${table}]`, `[${table}]\n${line}`)
      : `${smallest}[${table}]\n${line}\n`;
    const { model, problems } = await load(text);
    assert.equal(model, undefined);
    const [problem] = problems.filter(({ message }) => message.includes("is planned"));
    assert.match(problem!.message, /^this (key|value) is planned, but not supported yet; remove it$/);
    // A table is planned as a whole, or one of its keys is.
    const steps = problem!.path.split(".").length;
    const wanted = steps > table.split(".").length ? line : `[${table}]`;
    const number = text.split("\n").indexOf(wanted) + 1;
    assert.ok(problem!.where.startsWith(`umay.toml:${number}:`), `${problem!.where}, not ${number}`);
    assert.equal(steps, listed.split(" ")[0]!.split(".").length);
    assert.ok(problems.every(({ path }) => path === problem!.path || !path.startsWith(problem!.path)));
  });

test("everything that is planned is in this table", () => {
  assert.deepEqual(new Set(listPlanned()), new Set(planned.map(([, , listed]) => listed)));
});
