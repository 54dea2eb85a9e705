import assert from "node:assert/strict";
import { test } from "node:test";
import type { TemplateFacts } from "../../../src/data/decide/http/template.ts";
import { compileChanges } from "../../../src/data/decide/http/template.ts";
import { readFields } from "../../../src/http/scan.ts";
import type { FieldChanges } from "../../../src/model/http/route.ts";
import { httpFilter, loadFile } from "../../support/envoy.ts";

const actions = {
  append: "APPEND_IF_EXISTS_OR_ADD",
  absent: "ADD_IF_ABSENT",
  present: "OVERWRITE_IF_EXISTS",
  over: "OVERWRITE_IF_EXISTS_OR_ADD",
} as const;
type Action = keyof typeof actions;

/** Options that give a field the values 1, 2 and so on. */
const options = (list: readonly Action[], key = "x"): readonly object[] =>
  list.map((action, index) => ({
    header: { key, value: String(index + 1) },
    append_action: actions[action],
  }));

/** The values of a field after the changes, by those that a request came with. */
function madeOf(changes: FieldChanges, name: string, came: readonly string[]): string {
  const fields = readFields(came.map((value) => `${name}: ${value}\r\n`).join(""));
  const edits = compileChanges(changes, () => assert.fail());
  const marks = new Uint8Array(fields.count);
  edits?.mark(fields, marks);
  const made = readFields(
    fields.linesExcept(marks) + (edits?.lines({} as unknown as TemplateFacts, fields) ?? ""),
  );
  return Array.from({ length: made.count }, (_, index) => made.value(index)).join();
}

const changesOf = async (file: Parameters<typeof loadFile>[0]): Promise<FieldChanges> => {
  const rule = (await loadFile(file)).model.routeTables[0]!.hosts[0]!.rules[0]!;
  return rule.route.requestFields;
};
const onlyRoute = { match: { prefix: "/" }, route: { cluster: "a" } };
const byFilter = (list: readonly Action[], key?: string): Promise<FieldChanges> =>
  changesOf({
    filters: [
      httpFilter("header_mutation.v3.HeaderMutation", {
        mutations: { request_mutations: options(list, key).map((append) => ({ append })) },
      }),
    ],
  });
const byLevel = (list: readonly Action[], key?: string): Promise<FieldChanges> =>
  changesOf({ routes: [{ ...onlyRoute, request_headers_to_add: options(list, key) }] });

/** Answers of Envoy 1.40: without the field, with one, and with two. */
const oneAfterTheOther: readonly (readonly [readonly Action[], string, string, string])[] = [
  [["present", "absent"], "2", "1", "1"],
  [["absent", "append"], "1,2", "o,2", "o,p,2"],
  [["present", "append"], "2", "1,2", "1,2"],
  [["append", "over"], "2", "2", "2"],
  [["absent", "absent"], "1", "o", "o,p"],
  [["append", "append", "absent"], "1,2", "o,1,2", "o,p,1,2"],
  [["over", "present", "append"], "2,3", "2,3", "2,3"],
];
const atOnce: typeof oneAfterTheOther = [
  [["present", "absent"], "2", "1", "1"],
  [["append", "over"], "2,1", "2,1", "2,1"],
  [["absent", "absent"], "1,2", "o", "o,p"],
  [["append", "present"], "1", "2,1", "2,1"],
  [["over", "over", "present"], "2", "3", "3"],
  [["append", "append", "over", "over"], "4,1,2", "4,1,2", "4,1,2"],
];

for (const [name, make, table] of [
  ["header_mutation changes a field one time after the other", byFilter, oneAfterTheOther],
  ["a level's fields are overwritten first, then added, as they were before the level", byLevel, atOnce],
] as const)
  test(name, async () => {
    for (const [list, none, one, two] of table) {
      const changes = await make(list);
      const made = [[], ["o"], ["o", "p"]].map((came) => madeOf(changes, "x", came));
      assert.deepEqual(made, [none, one, two], list.join());
    }
  });

test("a field may be named as what every object has", async () => {
  for (const name of ["__proto__", "constructor"])
    assert.equal(madeOf(await byFilter(["over"], name), name, ["o"]), "1", name);
});
