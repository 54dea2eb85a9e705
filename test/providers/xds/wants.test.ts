import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ads, type Reference } from "../../../src/providers/xds/origins.ts";
import { Wants } from "../../../src/providers/xds/wants.ts";

const reference = fc.record({
  kind: fc.constantFrom("endpoints", "secret", "routes") as fc.Arbitrary<Reference["kind"]>,
  name: fc.constantFrom("a", "b", "c"),
  origin: fc.constant(ads),
});

test("a name is asked for from the first that names it to the last that does not any more", () => {
  fc.assert(
    fc.property(fc.array(fc.array(reference)), (lists) => {
      const wants = new Wants();
      const asked = new Set<string>();
      let before: readonly Reference[] = [];
      for (const now of lists) {
        for (const { kind, more, less } of wants.replace(before, now)) {
          for (const name of more) {
            assert.ok(!asked.has(`${kind} ${name}`));
            asked.add(`${kind} ${name}`);
          }
          for (const name of less) assert.ok(asked.delete(`${kind} ${name}`));
        }
        assert.deepEqual(asked, new Set(now.map(({ kind, name }) => `${kind} ${name}`)));
        before = now;
      }
    }),
  );
});
