import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { type Cidr, formatCidr, inRange, parseCidr } from "../../src/lib/cidr.ts";

function normal(text: string): string {
  const parsed = parseCidr(text);
  return typeof parsed === "string" ? parsed : formatCidr(parsed.cidr) + (parsed.trimmed ? " (trimmed)" : "");
}

test("ranges and single addresses get one spelling", () => {
  const spellings = {
    "10.0.0.0/8": "10.0.0.0/8",
    "10.1.2.3": "10.1.2.3",
    "10.1.2.3/32": "10.1.2.3",
    "0.0.0.0/0": "0.0.0.0/0",
    "::/0": "::/0",
    "::1": "::1",
    "2001:DB8:0:0::/32": "2001:db8::/32",
    "2001:db8::1/128": "2001:db8::1",
    "64:ff9b::192.0.2.33": "64:ff9b::c000:221",
    "::ffff:10.0.0.0/104": "10.0.0.0/8",
    "::ffff:192.0.2.1": "192.0.2.1",
  };
  for (const [text, expected] of Object.entries(spellings)) assert.equal(normal(text), expected, text);
});

test("bits behind the prefix are cut off and told of", () => {
  assert.equal(normal("10.1.2.3/8"), "10.0.0.0/8 (trimmed)");
  assert.equal(normal("192.168.1.129/25"), "192.168.1.128/25 (trimmed)");
  assert.equal(normal("2001:db8::1/33"), "2001:db8::/33 (trimmed)");
  assert.equal(normal("1.2.3.4/0"), "0.0.0.0/0 (trimmed)");
});

test("what is no range is refused with the reason", () => {
  const noAddress = "is no IP address, with or without the length of a prefix";
  for (const text of [
    "",
    "/8",
    "10.0.0.0/",
    "10.0.0/8",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/ 8",
    " 10.0.0.0/8",
    "010.0.0.1",
    "10.0.0.256",
    "fe80::1%eth0",
    "example.com",
    "10.0.0.0/255.0.0.0",
    "[::1]",
    "1::2::3",
  ])
    assert.equal(parseCidr(text), noAddress, text);
  assert.equal(parseCidr("10.0.0.0/33"), "has a prefix longer than 32 bits");
  assert.equal(
    parseCidr("::ffff:10.0.0.0/8"),
    "has a prefix shorter than the 96 bits that IPv4-mapped addresses share",
  );
  assert.equal(parseCidr("::/129"), "has a prefix longer than 128 bits");
});

test("every address is in the range that it is cut to, and the spelling reads as itself", () => {
  const addresses = fc.oneof(fc.tuple(fc.ipV4(), fc.nat(32)), fc.tuple(fc.ipV6(), fc.nat(128)));
  fc.assert(
    fc.property(addresses, ([address, prefix]) => {
      const parsed = parseCidr(`${address}/${prefix}`);
      assert.ok(typeof parsed !== "string", address);
      const { cidr } = parsed;
      assert.equal(normal(formatCidr(cidr)), formatCidr(cidr));
      const list = new BlockList();
      list.addSubnet(cidr.address, cidr.prefix, cidr.family);
      assert.ok(list.check(address, address.includes(":") ? "ipv6" : "ipv4"));
    }),
  );
});

test("an address is in a range in whatever spelling it comes, and never in one of the other family", () => {
  const range = (text: string): Cidr => (parseCidr(text) as { readonly cidr: Cidr }).cidr;
  assert.equal(inRange(range("10.0.0.0/9"), "10.127.0.1"), true);
  assert.equal(inRange(range("10.0.0.0/9"), "10.128.0.1"), false);
  assert.equal(inRange(range("2001:db8::/33"), "2001:DB8:7FFF:0:0:0:0:1"), true);
  assert.equal(inRange(range("2001:db8::/33"), "2001:DB8:8000:0:0:0:0:1"), false);
  assert.equal(inRange(range("::/0"), "10.0.0.1"), false);
  assert.equal(inRange(range("0.0.0.0/0"), "::1"), false);
  assert.equal(inRange(range("10.0.0.1"), "::ffff:10.0.0.1"), true);
  assert.equal(inRange(range("10.0.0.1"), "<invalid>"), false);
});
