import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readClientKey } from "../../src/lib/client-key.ts";

function keyOf(address: string): string | undefined {
  const key = { high: 0, low: 0 };
  return readClientKey(address, key) ? `${key.high} ${key.low}` : undefined;
}

test("an IPv6 client is its /64, however its address is spelt", () => {
  assert.equal(keyOf("2001:db8:1:2::1"), keyOf("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  assert.equal(keyOf("2001:db8:1:2::"), keyOf("2001:db8:1:2:0:0:192.0.2.1"));
  assert.notEqual(keyOf("2001:db8:1:2::1"), keyOf("2001:db8:1:3::1"));
  assert.notEqual(keyOf("2001:db8:1:2::1"), keyOf("2001:db9:1:2::1"));
});

test("no client has the key of one of the other family", () => {
  assert.notEqual(keyOf("0.0.0.0"), keyOf("::1"));
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV6(), (v4, v6) => {
      fc.pre(!/^0{0,4}:0{0,3}1:/.test(v6));
      assert.notEqual(keyOf(v4), keyOf(v6));
    }),
  );
});

test("two IPv4 addresses never share a key", () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((four) => four.join("."));
  fc.assert(
    fc.property(octets, octets, (one, other) => {
      assert.equal(keyOf(one) === keyOf(other), one === other);
    }),
  );
  assert.equal(keyOf("255.255.255.255"), "1 -1");
  assert.equal(keyOf("1.2.3.4"), `1 ${0x01020304}`);
});

test("what is no address has no key", () => {
  for (const text of ["", "localhost", "1.2.3", "::1 "]) assert.equal(keyOf(text), undefined, text);
});
