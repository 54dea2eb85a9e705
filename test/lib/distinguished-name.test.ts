import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDistinguishedName } from "../../src/lib/distinguished-name.ts";

test("attributes are told apart by commas, plus signs and lines, and their types are upper case", () => {
  assert.deepEqual(parseDistinguishedName("CN=alice, o = Acme Inc.+emailAddress=a@b.test"), [
    "CN=alice",
    "O=Acme Inc.",
    "EMAILADDRESS=a@b.test",
  ]);
  assert.deepEqual(parseDistinguishedName("C=DE\nO=a=b\n1.2.3=x"), ["C=DE", "O=a=b", "1.2.3=x"]);
});

test("escapes are undone", () => {
  assert.deepEqual(parseDistinguishedName("CN=Doe\\, John,O=\\C3\\84cme\\+\\\\,OU=\\ x\\ "), [
    "CN=Doe, John",
    "O=Äcme+\\",
    "OU= x ",
  ]);
});

test("what is no distinguished name has no attributes", () => {
  for (const text of ["", "alice", "CN", "=x", "CN=a,", ",CN=a", "CN=a\\", "C N=a"])
    assert.equal(parseDistinguishedName(text), undefined, text);
});

test("any value comes back as it was when it is escaped as RFC 4514 says", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 }), (values) => {
      const escaped = values.map(
        (value) => `CN=${value.replaceAll(/[\\,+\n ]/g, (c) => (c === "\n" ? "\\0A" : `\\${c}`))}`,
      );
      const whole = values.every((value) => !/[^\S\n ]/.test(value));
      fc.pre(whole);
      assert.deepEqual(
        parseDistinguishedName(escaped.join(",")),
        values.map((value) => `CN=${value}`),
      );
    }),
  );
});

test("a value of spaces takes no longer than any other of its length", () => {
  const spaces = " ".repeat(500_000);
  assert.deepEqual(parseDistinguishedName(`CN=a${spaces}b`), [`CN=a${spaces}b`]);
  assert.equal(parseDistinguishedName(`${spaces}CN${spaces}x`), undefined);
});
