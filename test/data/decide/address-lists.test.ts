import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressLists, type ListVerdict } from "../../../src/data/decide/address-lists.ts";
import { type Cidr, parseCidr } from "../../../src/lib/cidr.ts";

function cidrs(...texts: string[]): Cidr[] {
  return texts.map((text) => {
    const parsed = parseCidr(text);
    assert.ok(typeof parsed !== "string");
    return parsed.cidr;
  });
}

interface Lists {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly nameless?: boolean;
}

function judge({ allow = [], deny = [], nameless = false }: Lists, address: string): ListVerdict {
  return new AddressLists({ allow: cidrs(...allow), deny: cidrs(...deny) }, nameless).judge(address);
}

const ten = ["10.0.0.0/8"];
const one = ["10.9.0.0/16"];

test("the verdict names the list that decides, and deny goes before allow", () => {
  const rows: readonly (readonly [Lists, string, boolean, ListVerdict["list"], boolean])[] = [
    [{}, "10.0.0.1", true, undefined, false],
    [{ allow: ten }, "10.0.0.1", true, "allow", true],
    [{ allow: ten }, "11.0.0.1", false, "allow", false],
    [{ deny: one }, "10.9.0.1", false, "deny", true],
    [{ deny: one }, "10.0.0.1", true, "deny", false],
    [{ allow: ten, deny: one }, "10.0.0.1", true, "allow", true],
    [{ allow: ten, deny: one }, "10.9.0.1", false, "deny", true],
    [{ allow: ten, deny: one }, "11.0.0.1", false, "allow", false],
  ];
  for (const [lists, address, admits, list, listed] of rows)
    assert.deepEqual(judge(lists, address), { admits, list, listed }, `${JSON.stringify(lists)} ${address}`);
});

test("a client without an address passes every list or none, as it is said", () => {
  assert.equal(judge({}, "").admits, true);
  for (const lists of [{ allow: ten }, { deny: one }, { allow: ten, deny: one }]) {
    assert.equal(judge(lists, "").admits, false);
    assert.equal(judge({ ...lists, nameless: true }, "").admits, true);
  }
});

test("whatever the lists are, an address that is admitted is in allow, if there is one, and not in deny", () => {
  const range = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`);
  const networks = fc.array(range, { maxLength: 3 }).map((all) => all.filter((text) => isNetwork(text)));
  fc.assert(
    fc.property(networks, networks, fc.ipV4(), (allow, deny, address) => {
      const isIn = (texts: readonly string[]): boolean =>
        texts.length > 0 && judge({ deny: texts }, address).listed;
      const admits = !isIn(deny) && (allow.length === 0 || isIn(allow));
      assert.equal(judge({ allow, deny }, address).admits, admits);
    }),
  );
});

const isNetwork = (text: string): boolean => typeof parseCidr(text) !== "string";
