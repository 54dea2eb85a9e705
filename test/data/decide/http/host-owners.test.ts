import assert from "node:assert/strict";
import { test } from "node:test";
import { decide } from "../../../../src/data/decide/http/decide.ts";
import { HostOwners } from "../../../../src/data/decide/http/host-owners.ts";
import { indexTable, Routing } from "../../../../src/data/decide/http/routing.ts";
import { requestOf } from "./scene.ts";

test("the most specific name says whose a host is", () => {
  const owners = new HostOwners({ own: ["*.x.test", "one.y.test"], others: ["a.x.test", "*.b.x.test", "*"] });
  for (const host of ["c.x.test", "d.c.x.test", "one.y.test"])
    assert.equal(owners.isElsewhere(host), false, host);
  for (const host of ["a.x.test", "c.b.x.test", "x.test", "two.y.test", ""])
    assert.equal(owners.isElsewhere(host), true, host);
});

test("what nobody has is nobody else's", () => {
  const owners = new HostOwners({ own: ["a.test"], others: ["b.test"] });
  assert.equal(owners.isElsewhere("c.test"), false);
});

test("a request for another chain's host is misdirected, whatever the routes would say", async () => {
  const table = await indexTable({ name: "t", hosts: [], fallsThrough: true, guards: [] });
  const routing = new Routing(
    {
      fallback: undefined,
      front: { ambiguousPaths: "refuse", misdirected: "refuse" },
      names: { own: ["a.test"], others: ["b.test"] },
    },
    table,
  );
  const reason = (host: string): string => {
    const decision = decide(routing, requestOf("/", { host }));
    return decision.kind === "refuse" ? decision.reason : decision.kind;
  };
  assert.equal(reason("b.test"), "misdirected");
  assert.equal(reason("a.test"), "no_host");
});
