import assert from "node:assert/strict";
import { test } from "node:test";
import { listPlanned, plannedKeysOf } from "../../src/config/planned.ts";
import { keysOf, nodesAt } from "../../src/config/schema/nodes.ts";
import { jsonSchema } from "../../src/config/schema.ts";
import { load, smallest } from "./loading.ts";

/** Every key and value of the contract that does not work yet, in the table where it belongs. */
const planned: readonly [table: string, line: string][] = [
  ["listeners.echo", 'mode = "http"'],
  ["pools.echo", 'picker = "peak-ewma"'],
  ["pools.echo", 'picker = { type = "peak-ewma", decay = "10s" }'],
  ["pools.echo", 'slow_start = "0s"'],
];

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

test("everything that is planned is in this table, and nothing that is planned is in the schema", () => {
  const tested = new Set(
    planned.flatMap(([table, line]) => {
      const key = `${table.replace("echo", "<name>")}.${line.split(" ")[0]}`;
      return [key, `${key}.type`];
    }),
  );
  for (const text of listPlanned()) {
    const [key = ""] = text.split(" ");
    if (key !== "pools.<name>.discovery.record") assert.ok(tested.has(key), key);
  }
  const tables = [["pools", "x"]];
  for (const table of tables) {
    const keys = keysOf(nodesAt(jsonSchema(), table));
    assert.ok(plannedKeysOf(table).length > 0);
    assert.deepEqual(
      plannedKeysOf(table).filter((key) => keys.includes(key)),
      [],
    );
  }
});
