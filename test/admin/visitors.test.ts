import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { type Visitor, Visitors } from "../../src/admin/visitors.ts";

class FakeVisitor extends EventEmitter implements Visitor {
  readonly remoteAddress: string;
  open = true;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    if (!this.open) return;
    this.open = false;
    this.emit("close");
  }
}

const isLocal = ({ remoteAddress }: Visitor): boolean => remoteAddress === "local";

function arrive(visitors: Visitors, from: string): FakeVisitor {
  const visitor = new FakeVisitor(from);
  visitors.arrived(visitor);
  return visitor;
}

test("when it is full, the connection that has waited for longest without a request gives way", () => {
  const visitors = new Visitors(2, 0, isLocal);
  const first = arrive(visitors, "remote");
  const second = arrive(visitors, "remote");
  visitors.asked(first);
  const third = arrive(visitors, "remote");
  assert.deepEqual([first.open, second.open, third.open], [true, false, true]);
  visitors.answered(first);
  arrive(visitors, "remote");
  assert.deepEqual([first.open, third.open], [true, false]);
});

test("who has asked keeps its place, and the newcomer is closed", () => {
  const visitors = new Visitors(1, 0, isLocal);
  const asking = arrive(visitors, "remote");
  visitors.asked(asking);
  assert.equal(arrive(visitors, "remote").open, false);
  assert.equal(asking.open, true);
});

test("connections from this machine have places of their own, and lose them to nobody from elsewhere", () => {
  const visitors = new Visitors(1, 1, isLocal);
  const remote = arrive(visitors, "remote");
  visitors.asked(remote);
  const local = arrive(visitors, "local");
  assert.equal(local.open, true);
  assert.equal(arrive(visitors, "remote").open, false);
  assert.equal(local.open, true);
});

test("in any order of events there are never more than the places, and no place is lost", () => {
  const step = fc.record({
    what: fc.constantFrom("local", "remote", "ask", "answer", "leave"),
    which: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const visitors = new Visitors(3, 2, isLocal);
      const all: FakeVisitor[] = [];
      const asking = new Set<FakeVisitor>();
      for (const { what, which } of steps) {
        const one = all.filter(({ open }) => open)[which % 5];
        if (what === "local" || what === "remote") all.push(arrive(visitors, what));
        else if (one !== undefined) {
          if (what === "ask") {
            visitors.asked(one);
            asking.add(one);
          } else if (what === "answer") {
            visitors.answered(one);
            asking.delete(one);
          } else {
            asking.delete(one);
            one.destroy();
          }
        }
        assert.ok(all.filter(({ open }) => open).length <= 5);
        assert.ok([...asking].every(({ open }) => open));
      }
      for (const visitor of all) visitor.destroy();
      const late = Array.from({ length: 5 }, () => arrive(visitors, "local"));
      for (const visitor of late) visitors.asked(visitor);
      assert.ok(late.every(({ open }) => open));
    }),
  );
});
