import assert from "node:assert/strict";
import { test } from "node:test";
import { listPlanned } from "../../../src/providers/toml/planned.ts";
import { load, smallest } from "./loading.ts";

/** Every key and value of the contract that does not work yet, in the table where it belongs. */
const planned: readonly [table: string, line: string][] = [["listeners.echo", 'mode = "http"']];

for (const [table, line] of planned)
  test(`[${table}] ${line} is refused as not supported yet, and for nothing else`, async () => {
    const text = smallest.includes(`[${table}]`)
      ? smallest.replace(`[${table}]`, `[${table}]\n${line}`)
      : `${smallest}[${table}]\n${line}\n`;
    const { model, problems } = await load(text);
    assert.equal(model, undefined);
    const key = `${table}.${line.split(" ")[0]}`;
    const [problem, ...others] = problems.filter(({ path }) => path !== "listeners.echo.tls.certificates");
    assert.deepEqual(others, []);
    assert.ok(problem!.path === key || problem!.path === `${key}.type`, problem!.path);
    assert.match(problem!.message, /^this (key|value) is planned, but not supported yet; remove it$/);
    const number = text.split("\n").indexOf(line) + 1;
    assert.ok(problem!.where.startsWith(`umay.toml:${number}:`), problem!.where);
  });

test("a planned key does not hide other problems of its table", async () => {
  const { problems } = await load(
    `${smallest}[listeners.other]\nmode = "http"\nbind = "nowhere"\npool = "ecko"\n`,
  );
  assert.deepEqual(
    problems.map(({ path }) => path),
    ["listeners.other.mode", "listeners.other.bind"],
  );
});

test("everything that is planned is in this table", () => {
  const tested = planned.map(([table, line]) => `${table.replace("echo", "<name>")}.${line}`);
  assert.deepEqual(listPlanned(), tested);
});
