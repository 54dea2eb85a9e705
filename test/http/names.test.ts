import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { beginsWithWord, hasToken, isWord, readDecimal, tokenBytes } from "../../src/http/bytes.ts";
import { fieldId, fieldIdOf, fieldNames } from "../../src/http/field-names.ts";
import { markDropped } from "../../src/http/hop-by-hop.ts";
import { lastChunkWith } from "../../src/http/http1/reframe.ts";
import { NameSet } from "../../src/http/name-set.ts";
import { readFields } from "../../src/http/scan.ts";

const idOf = (name: string): number => fieldId(Buffer.from(`.${name}.`), 1, 1 + name.length);
const token = fc.string({
  unit: fc.constantFrom(
    ...[...tokenBytes.keys()]
      .filter((byte) => tokenBytes[byte] === 1)
      .map((byte) => String.fromCharCode(byte)),
  ),
  minLength: 1,
  maxLength: 40,
});

describe("the id of a field's name", () => {
  test("is found whatever its case", () => {
    for (const [id, name] of fieldNames.entries()) {
      if (id === 0) continue;
      assert.equal(idOf(name), id);
      assert.equal(idOf(name.toUpperCase()), id);
      assert.equal(fieldIdOf(name), id);
    }
  });

  test("is 0 for all other names, however like a known one", () => {
    const like = fc
      .tuple(fc.constantFrom(...fieldNames.slice(1)), fc.nat(), token)
      .map(
        ([name, at, other]) =>
          name.slice(0, at % name.length) + other[0] + name.slice((at % name.length) + 1),
      );
    fc.assert(
      fc.property(fc.oneof(like, token), (name) => {
        assert.equal(idOf(name), fieldIdOf(name.toLowerCase()));
      }),
      { numRuns: 500 },
    );
  });
});

test("a set of names has its names and prefixes, known or not, and no others", () => {
  const set = new NameSet(["cookie", "x-own", "x-forwarded-*", "sec-*"]);
  const fields = readFields(
    [
      "Cookie",
      "X-Own",
      "X-Owner",
      "X-Forwarded-For",
      "x-forwarded-other",
      "X-Forwarded",
      "Sec-WebSocket-Key",
      "Sec-X",
      "Se",
      "Host",
    ]
      .map((name) => `${name}: a\r\n`)
      .join(""),
  );
  const marks = new Uint8Array(16);
  set.mark(fields, marks);
  assert.deepEqual([...marks.subarray(0, fields.count)], [1, 1, 0, 1, 1, 0, 1, 1, 0, 0]);
  for (let index = 0; index < fields.count; index++)
    assert.equal(set.has(fields.name(index)), marks[index] === 1, fields.name(index));
  const others = new Uint8Array(16).fill(2);
  new NameSet(["host"]).mark(fields, others);
  assert.equal(others[9], 2, "a mark that is there stays");
});

test("fields are found by id and by name, from a place on", () => {
  const fields = readFields("a: 1\r\nCookie: 2\r\nA: 3\r\ncookie: 4\r\nempty: \t \r\nb:\r\n");
  const cookie = fieldIdOf("cookie");
  assert.deepEqual([fields.find(cookie), fields.find(cookie, 2), fields.find(cookie, 4)], [1, 3, -1]);
  assert.deepEqual([fields.findName("a"), fields.findName("a", 1), fields.findName("a", 3)], [0, 2, -1]);
  assert.deepEqual([fields.value(4), fields.value(5), fields.name(2)], ["", "", "a"]);
  assert.equal(fields.linesExcept(Uint8Array.of(0, 1, 1, 0, 0, 1)), "a: 1\r\ncookie: 4\r\nempty: \t \r\n");
});

test("fields are left out wherever they stand, behind more than any peer may send too", () => {
  const fillers = "x: 1\r\n".repeat(300);
  const fields = readFields(`${fillers}Connection: x-hop\r\nX-Own: 1\r\nX-Hop: 1\r\nX-Last: 1\r\n`);
  const lines = fields.linesExcept(markDropped(fields, [new NameSet(["x-own"])]));
  assert.equal(lines, `${fillers}X-Last: 1\r\n`);
  assert.equal(lastChunkWith(readFields(`${fillers}Cookie: 1\r\n`)), `0\r\n${fillers}\r\n`);
});

test("lines that are no fields are an error without their text", () => {
  assert.throws(
    () => readFields("a: 1\r\nset cookie: secret\r\n"),
    ({ message }: Error) => !message.includes("secret"),
  );
});

describe("words", () => {
  test("a number has 1 to 15 digits", () => {
    for (const [text, value] of [
      ["0", 0],
      ["007", 7],
      ["999999999999999", 999_999_999_999_999],
      ["1000000000000000", -1],
      ["", -1],
      ["1a", -1],
      ["/", -1],
      [":", -1],
      ["-1", -1],
      [" 1", -1],
      ["1.0", -1],
    ] as const)
      assert.equal(readDecimal(text), value, text);
  });

  test("are compared whatever their case, and only letters have one", () => {
    assert.equal(isWord("xAZazx", 1, 5, "azaz"), true);
    assert.equal(isWord("a", 0, 1, "ab"), false);
    assert.equal(isWord("@[", 0, 2, "`{"), false);
    assert.equal(isWord("\x0d", 0, 1, "-"), false);
    assert.equal(beginsWithWord("Abc", 0, 3, "ab"), true);
    assert.equal(beginsWithWord("Abc", 0, 1, "ab"), false);
  });

  test("a list has its tokens, with blanks around them and without", () => {
    for (const list of ["close", "CLOSE", "a,close", "a , \tclose \t, b", ",,close", "close,"])
      assert.equal(hasToken(list, "close"), true, list);
    for (const list of ["", ",", "clos", "close d", "xclose", "a closed", "a;close"])
      assert.equal(hasToken(list, "close"), false, list);
  });
});
