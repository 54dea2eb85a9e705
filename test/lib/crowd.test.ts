import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Crowd, outside } from "../../src/lib/crowd.ts";

class One {
  place = outside;
}

test("a crowd has whom a set would have, whoever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9))), (steps) => {
      const all = Array.from({ length: 10 }, () => new One());
      const crowd = new Crowd<One>();
      const set = new Set<One>();
      for (const [comes, which] of steps) {
        const one = all[which]!;
        if (comes) {
          crowd.add(one);
          set.add(one);
        } else assert.equal(crowd.delete(one), set.delete(one));
        assert.equal(crowd.size, set.size);
        assert.deepEqual(new Set(crowd), set);
      }
    }),
  );
});

test("whoever stays in a crowd is met once or more, though others go meanwhile; who comes is not waited for", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(19), { maxLength: 3 }), { maxLength: 20 }), (gone) => {
      const all = Array.from({ length: 20 }, () => new One());
      const crowd = new Crowd<One>();
      for (const one of all) crowd.add(one);
      const met = new Set<One>();
      let step = 0;
      for (const one of crowd) {
        met.add(one);
        for (const which of gone[step++] ?? []) crowd.delete(all[which]!);
        if (step < 5) crowd.add(new One());
      }
      for (const one of all) if (one.place !== outside) assert.ok(met.has(one));
    }),
  );
});
