// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration has ${…} of its own.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { interpolate } from "../../../src/providers/toml/interpolate.ts";
import { anyText } from "../../support/any-text.ts";
import { problemLines, smallest } from "./loading.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-interpolate-"));
after(() => rmSync(dir, { recursive: true, force: true }));
writeFileSync(join(dir, "secret"), "two\nlines\n\n");
writeFileSync(join(dir, "windows"), "line\r\n");

const env = { NAME: "value", EMPTY: "", MONEY: "$${NAME}" };
const filled = async (text: string): Promise<unknown> => {
  const { tree, findings } = await interpolate({ key: text }, env, dir);
  assert.deepEqual(findings, []);
  return tree["key"];
};

for (const [written, becomes] of [
  ["${NAME}", "value"],
  ["a${NAME}b${NAME}", "avaluebvalue"],
  ["${EMPTY}", ""],
  ["${NAME:-other}", "value"],
  ["${EMPTY:-other}", "other"],
  ["${ABSENT:-other}", "other"],
  ["${ABSENT:-}", ""],
  ["${ABSENT:-a:-b}", "a:-b"],
  ["$$", "$"],
  ["$${NAME}", "${NAME}"],
  ["$$$${NAME}", "$${NAME}"],
  ["$$${NAME}", "$value"],
  ["$NAME and 5$", "$NAME and 5$"],
  ["${MONEY}", "$${NAME}"],
  ["${file:secret}", "two\nlines\n"],
  ["${file:windows}", "line"],
  [`\${file:${join(dir, "secret")}}`, "two\nlines\n"],
] as const)
  test(`${JSON.stringify(written.replace(dir, "DIR"))} becomes ${JSON.stringify(becomes)}`, async () => {
    assert.equal(await filled(written), becomes);
  });

test("values deep inside tables and lists are filled in, keys and other values are not", async () => {
  const date = new Date(0);
  const { tree } = await interpolate({ "${NAME}": [{ a: "${NAME}" }, 1, true, date] }, env, dir);
  assert.deepEqual(tree, { "${NAME}": [{ a: "value" }, 1, true, date] });
});

for (const [written, problem] of [
  ["${ABSENT}", "the environment variable ABSENT is not set; set it, or write ${ABSENT:-default}"],
  ["${NAME", 'has "${" without a closing "}"; write $$ for a dollar sign'],
  ["${}", "can't read ${}; expected ${NAME}, ${NAME:-default} or ${file:/path}, or $$ for a dollar sign"],
  ["${1A}", "can't read ${1A}; expected ${NAME}, ${NAME:-default} or ${file:/path}, or $$ for a dollar sign"],
  ["${file:absent}", `${join(dir, "absent")} does not exist; check the path`],
  ["${file:.}", `${dir} is a folder; name a file in it`],
] as const)
  test(`${written} is an error at its key`, async () => {
    const { findings } = await interpolate({ table: [{ key: written }] }, env, dir);
    assert.deepEqual(
      findings.map(({ path, message }) => ({ path, message })),
      [{ path: ["table", 0, "key"], message: problem }],
    );
  });

test("two problems in one text are two problems", async () => {
  assert.equal((await interpolate({ key: "${A}${B}" }, {}, dir)).findings.length, 2);
});

test("a value that could not be filled in has no second problem, and none when an override replaces it", async () => {
  const text = smallest.replace("127.0.0.1:9994", "${ADDRESS}");
  assert.equal((await problemLines(text)).length, 1);
  assert.deepEqual(await problemLines(text, { UMAY__LISTENERS__ECHO__BIND: "127.0.0.1:1" }), []);
});

test("text without a dollar sign stays as it is, and doubled dollar signs come out single", async () => {
  await fc.assert(
    fc.asyncProperty(anyText, async (text) => {
      assert.equal(await filled(text.replaceAll("$", "$$$$")), text);
    }),
  );
});

test("any text is filled in or reported, never thrown", async () => {
  const parts = fc.constantFrom("$", "{", "}", "$$", "${", "file:", ":-", "NAME", "ABSENT", "secret", " ");
  await fc.assert(
    fc.asyncProperty(fc.array(parts), async (text) => {
      const { tree, findings } = await interpolate({ key: text.join("") }, env, dir);
      assert.ok(typeof tree["key"] === "string" || findings.length > 0);
    }),
  );
});
