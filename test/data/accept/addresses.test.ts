import assert from "node:assert/strict";
import { test } from "node:test";
import { createAddressTable } from "../../../src/channel/address-table.ts";
import { AddressLimits, uncounted } from "../../../src/data/accept/addresses.ts";
import { parseCidr } from "../../../src/lib/cidr.ts";
import type { PlacedListener } from "../../../src/model/snapshot.ts";

interface Lists {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly most?: number;
  readonly unix?: boolean;
}

function limitsOf({ allow = [], deny = [], most, unix = false }: Lists): AddressLimits | undefined {
  const cidrs = (texts: readonly string[]) =>
    texts.map((text) => {
      const parsed = parseCidr(text);
      assert.ok(typeof parsed !== "string");
      return parsed.cidr;
    });
  const listener = {
    bind: unix ? { kind: "unix", path: "/x" } : { kind: "tcp", host: "::", port: 1 },
    limits: {
      allow: cidrs(allow),
      deny: cidrs(deny),
      maxConnectionsPerIp: most,
      connectionRatePerIp: undefined,
      maxHandshakes: 1,
    },
    addressTable: most === undefined ? undefined : createAddressTable(1, 1, 0),
  };
  return AddressLimits.of(listener as unknown as PlacedListener, 1);
}

test("a listener without limits on addresses has nothing to ask", () => {
  assert.equal(limitsOf({}), undefined);
});

test("who is on no list of those that may is denied, and deny goes before allow", () => {
  const limits = limitsOf({
    allow: ["10.0.0.0/8", "2001:db8::/32"],
    deny: ["10.9.0.0/16", "2001:db8:9::1"],
  })!;
  for (const address of ["10.0.0.0", "10.255.255.255", "2001:db8::1", "2001:db8:9::2"])
    assert.equal(limits.admit(address), uncounted, address);
  for (const address of [
    "9.255.255.255",
    "11.0.0.0",
    "10.9.0.1",
    "2001:db8:9::1",
    "2001:db9::",
    "::1",
    "::a00:1",
  ])
    assert.equal(limits.admit(address), "denied", address);
});

test("a list of one family says nothing to the other where it denies, and no where it allows", () => {
  assert.equal(limitsOf({ deny: ["0.0.0.0/0"] })!.admit("2001:db8::1"), uncounted);
  assert.equal(limitsOf({ deny: ["::/0"] })!.admit("10.0.0.1"), uncounted);
  assert.equal(limitsOf({ allow: ["0.0.0.0/0"] })!.admit("2001:db8::1"), "denied");
  assert.equal(limitsOf({ allow: ["::/0"] })!.admit("10.0.0.1"), "denied");
});

test("the zone of a link-local address is not part of what is compared", () => {
  assert.equal(limitsOf({ allow: ["fe80::/10"] })!.admit("fe80::1%eth0"), uncounted);
  assert.equal(limitsOf({ deny: ["fe80::/10"] })!.admit("fe80::1%eth0"), "denied");
});

test("clients of a unix socket are always admitted; others without an address only where there are no lists", () => {
  assert.equal(limitsOf({ allow: ["10.0.0.0/8"], unix: true })!.admit(""), uncounted);
  assert.equal(limitsOf({ allow: ["10.0.0.0/8"] })!.admit(""), "denied");
  assert.equal(limitsOf({ deny: ["10.0.0.0/8"] })!.admit(""), "denied");
  const counting = limitsOf({ most: 1 })!;
  counting.release(counting.admit("") as number);
  assert.equal(counting.admit(""), uncounted);
});

test("one of ten thousand ranges is found", () => {
  const deny = Array.from({ length: 10_000 }, (_, index) => `20.${index >> 8}.${index & 255}.0/24`);
  const limits = limitsOf({ deny })!;
  for (const index of [0, 5_000, 9_999])
    assert.equal(limits.admit(`20.${index >> 8}.${index & 255}.77`), "denied");
  assert.equal(limits.admit("20.39.16.1"), uncounted);
});
