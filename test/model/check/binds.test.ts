import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../../../src/lib/address.ts";
import { checkBinds, collide, TakenAddresses } from "../../../src/model/check/binds.ts";
import { growth } from "../../support/growth.ts";

const bind = (text: string, name: string) => {
  const v6Only = text.endsWith(" v6_only");
  const parsed = parseAddress(text.replace(" v6_only", ""));
  assert.ok(typeof parsed !== "string", text);
  const address = v6Only && parsed.kind === "tcp" ? { ...parsed, v6Only } : parsed;
  return { path: ["listeners", name, "bind"], address };
};

for (const [a, b, clash] of [
  ["127.0.0.1:80", "127.0.0.1:80", true],
  ["127.0.0.1:80", "127.0.0.1:81", false],
  ["127.0.0.1:80", "127.0.0.2:80", false],
  ["0.0.0.0:80", "127.0.0.1:80", false],
  ["0.0.0.0:80", "0.0.0.0:80", true],
  ["0.0.0.0:80", "[::]:80 v6_only", false],
  ["[::]:80", "[::]:80 v6_only", true],
  ["[::]:80 v6_only", "[::1]:80", false],
  ["0.0.0.0:80", "[::]:80", true],
  ["0.0.0.0:80", "[::1]:80", false],
  ["[::]:80", "127.0.0.1:80", false],
  ["[::]:80", "[2001:db8::1]:80", false],
  ["[0:0:0:0:0:0:0:0]:80", "[::]:80", true],
  ["[::1]:80", "[0:0::1]:80", true],
  ["[::ffff:10.0.0.1]:80", "10.0.0.1:80", true],
  ["[fe80::1%eth0]:80", "[fe80::1%eth1]:80", false],
  ["localhost:80", "127.0.0.1:80", true],
  ["localhost:80", "[::1]:80", true],
  ["localhost:80", "LOCALHOST:80", true],
  ["0.0.0.0:80", "localhost:80", false],
  ["a.example:80", "b.example:80", false],
  ["127.0.0.1:0", "127.0.0.1:0", false],
  ["unix:/run/a", "unix:/run/a", true],
  ["unix:/run/a", "unix:/run/b", false],
  ["unix:/run/a", "127.0.0.1:80", false],
] as const)
  test(`${a} and ${b} ${clash ? "clash" : "can be bound side by side"}`, () => {
    const expected = clash ? 1 : 0;
    assert.equal(checkBinds([bind(a, "a"), bind(b, "b")]).length, expected);
    assert.equal(checkBinds([bind(b, "b"), bind(a, "a")]).length, expected);
  });

test("the later of two is told, with the one that it would take connections from", () => {
  const [early, late] = [bind("0.0.0.0:80", "early"), bind("[::]:80", "late")];
  assert.deepEqual(checkBinds([early, bind("127.0.0.1:81", "other"), late]), [
    { kind: "bind_taken", ...late, by: early },
  ]);
});

test("the admin server shares no port with a listener that could get its connections", () => {
  const admin = { ...bind("127.0.0.1:80", ""), path: ["admin", "bind"] };
  assert.equal(checkBinds([bind("0.0.0.0:80", "web"), admin]).length, 1);
  assert.equal(checkBinds([bind("[::]:80 v6_only", "web"), admin]).length, 0);
});

test("whoever collides is found as if each were compared with each", () => {
  const hosts = ["0.0.0.0", "::", "127.0.0.1", "::1", "localhost", "10.0.0.1", "a.test"];
  const tcp = fc
    .tuple(fc.constantFrom(...hosts), fc.constantFrom(0, 80, 443), fc.boolean())
    .map(([host, port, only]) => ({ kind: "tcp" as const, host, port, ...(only && { v6Only: only }) }));
  const unix = fc.record({ kind: fc.constant("unix" as const), path: fc.constantFrom("/a", "/b") });
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 6, arbitrary: tcp }, unix), { maxLength: 12 }), (addresses) => {
      const taken = new TakenAddresses<number>();
      for (const [index, address] of addresses.entries()) {
        const first = addresses.slice(0, index).find((earlier) => collide(earlier, address));
        const found = taken.colliding(address);
        assert.equal(found === undefined, first === undefined);
        if (found !== undefined) assert.ok(collide(addresses[found]!, address) && found <= index);
        taken.add(address, index);
      }
    }),
  );
});

test("of many binds at one port, each costs the same", async () => {
  const ratio = await growth([1_000, 10_000], (count) => {
    const binds = Array.from({ length: count }, (_, index) =>
      bind(`10.0.${index >> 8}.${index & 255}:443`, "x"),
    );
    return () => assert.deepEqual(checkBinds(binds), []);
  });
  assert.ok(ratio < 40, `${ratio}`);
});
