import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/hardening.md"), "utf8");

test("every case of hardening from 1 to 28 has a test of the built program", () => {
  const rows = [...page.matchAll(/^\| (\d+) \|.*\| ([\w, -]+) \|$/gm)];
  const numbers = new Set(rows.map(([, number]) => Number(number)));
  assert.deepEqual(
    [...numbers],
    Array.from({ length: 28 }, (_, index) => index + 1),
  );
  for (const [, number, names] of rows)
    for (const name of names!.split(", ")) {
      const code = readFileSync(join(root, `test/integration/${name}.test.ts`), "utf8");
      assert.match(code, /\.\.\/support\/(?:umay|scene|command)\.ts"/, `${number}: ${name}`);
    }
});
