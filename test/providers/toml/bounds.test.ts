import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadBackends } from "../../../src/providers/toml/backends-file.ts";
import { problemLines, smallest } from "./loading.ts";

const many = 5_000;
const tooDeep = "is nested more than 32 levels deep, which no key is; write fewer levels";

for (const [what, text, column] of [
  ["a dotted key", `a${".a".repeat(many)} = 1`, 65],
  ["a table's name", `[a${".a".repeat(many)}]\nb = 1`, 2],
  ["lists", `a = ${"[".repeat(many)}${"]".repeat(many)}`, 37],
  ["inline tables", `a = ${"{a=".repeat(many)}1${"}".repeat(many)}`, 101],
] as const)
  test(`${what} with ${many} levels is an error at its place`, async () => {
    assert.deepEqual(await problemLines(text), [`error umay.toml:1:${column} : ${tooDeep}`]);
  });

test("32 levels are no error of their own", async () => {
  const [problem, ...others] = await problemLines(`${smallest}\n[x${".x".repeat(29)}]\ny = 1`);
  assert.match(problem!, /x: unknown key/);
  assert.deepEqual(others, []);
});

test("a variable that sets a value of many levels is named", async () => {
  const problems = await problemLines(smallest, { UMAY__POOLS__ECHO: `{ a${".a".repeat(many)} = 1 }` });
  assert.deepEqual(problems, ["error UMAY__POOLS__ECHO : holds more than a key can have"]);
});

test("files of backends with too many levels or values are told, and so is a long one with a mistake", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-bounds-"));
  const long = "1,".repeat(600_000);
  for (const [name, text, message] of [
    ["deep.json", `[${"[".repeat(1_000)}${"]".repeat(1_000)}]`, `:1:34: ${tooDeep}`],
    ["deep.toml", `a${".a".repeat(many)} = 1`, `:1:65: ${tooDeep}`],
    ["open.json", "[".repeat(20_000), ": not valid JSON: Unexpected end of JSON input"],
    ["long.json", `{"backends":[${long}1]}`, ": has more values than any configuration needs"],
    ["long.toml", `backends = [${long}1]`, ": has more values than any configuration needs"],
    ["word.json", `{"backends":[1],"a":"${"b".repeat(2 ** 20)}"}`, ": backends[0]: expected an address"],
    ["cut.json", '{"backends":["127.0.0.1:273', ":1:28: not valid JSON: Unterminated string"],
  ] as const) {
    const file = join(dir.path, name);
    writeFileSync(file, text);
    const loaded = await loadBackends(file);
    assert.ok(!loaded.ok);
    assert.ok(loaded.error.startsWith(file + message), `${name}: ${loaded.error.slice(0, 200)}`);
  }
});
