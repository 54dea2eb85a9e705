import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { evidence } from "./support/case-evidence.ts";

const root = resolve(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/http-cases.md"), "utf8");
const cases = readFileSync(join(root, "test/integration/http-cases.test.ts"), "utf8");

/** The numbers of a section's rows, with what each is shown by. */
function rowsOf(section: string): readonly { readonly number: number; readonly shown: readonly string[] }[] {
  const text = page.slice(page.indexOf(`## ${section}`)).split("\n## ", 1)[0]!;
  return [...text.matchAll(/^\| ([\d, ]+) \|.*\| ([^|]+) \|$/gm)].flatMap(([, numbers, shown]) =>
    numbers!.split(", ").map((number) => ({ number: Number(number), shown: shown!.split(", ") })),
  );
}

test("every case from 1 to 68 is in the list, and in order", () => {
  const sections = ["Requests", "Answers", "HTTP/2 of clients", "HTTP/2 of backends, gRPC, WebSocket"];
  const rows = sections.flatMap(rowsOf);
  assert.deepEqual(
    rows.map(({ number }) => number),
    Array.from({ length: 68 }, (_, index) => index + 1),
  );
});

test("the engine's rules and the lessons are all in the list", () => {
  for (const [section, count] of [
    ["What the engine keeps to", 11],
    ["Lessons from other proxies", 30],
  ] as const)
    assert.deepEqual(
      [...new Set(rowsOf(section).map(({ number }) => number))],
      Array.from({ length: count }, (_, index) => index + 1),
    );
});

for (const [section, shows] of Object.entries(evidence))
  test(`each file that "${section}" names has the test that shows the row`, () => {
    const known = shows.flatMap(([rows, file]) => rows.split(", ").map((row) => `${row} ${file}`));
    const named = rowsOf(section).flatMap(({ number, shown }) =>
      shown.filter((file) => file !== "cases").map((file) => `${number} ${file}`),
    );
    assert.deepEqual(known.toSorted(), named.toSorted());
    for (const [row, file, name] of shows) {
      const text = readFileSync(join(root, file), "utf8");
      assert.ok(
        ['"', "`", " "].some((before) => text.includes(before + name)),
        `${row}: ${file} has no test "${name}"`,
      );
    }
  });

test("what the list says of the cases' own tests is true", () => {
  const named = (word: string): Set<number> => {
    const names = [...cases.matchAll(new RegExp(`${word}s? ((?:\\d+)(?: and \\d+)?)`, "g"))];
    return new Set(names.flatMap(([, numbers]) => numbers!.split(" and ").map(Number)));
  };
  const inTables = new Set(
    [...cases.matchAll(/^ {2}\[\s*(\d+),|\): Refused => \[(\d+)/gm)].map(([, one, other]) =>
      Number(one ?? other),
    ),
  );
  const shown = new Set([...inTables, ...named("case")]);
  for (const { number, shown: by } of [...rowsOf("Requests"), ...rowsOf("Answers")])
    if (by.includes("cases")) assert.ok(shown.has(number), `case ${number}`);
  const lessons = named("lesson");
  const sameAs = new Map([
    [2, 29],
    [9, 29],
    [27, 44],
  ]);
  for (const { number, shown: by } of rowsOf("Lessons from other proxies"))
    if (by.includes("cases"))
      assert.ok(lessons.has(number) || shown.has(sameAs.get(number)!), `lesson ${number}`);
});
