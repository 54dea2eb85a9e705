import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StreamTable } from "../../../src/http/http2/stream-table.ts";

class FakeStream {
  readonly id: number;
  next: FakeStream | undefined = undefined;

  constructor(id: number) {
    this.id = id;
  }
}

test("streams are found by their id as in a map, whichever come and go", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.nat(200))), (steps) => {
      const table = new StreamTable<FakeStream>();
      const map = new Map<number, FakeStream>();
      for (const [what, number] of steps) {
        const id = 2 * number + 1;
        const known = map.get(id);
        if (what > 0 && known === undefined) {
          const stream = new FakeStream(id);
          table.add(stream);
          map.set(id, stream);
        } else if (what === 0) {
          const stream = known ?? new FakeStream(id);
          assert.equal(table.delete(stream), map.delete(id));
          assert.equal(stream.next, undefined, "who has left keeps nobody in memory");
        }
        assert.equal(table.get(id), map.get(id));
        assert.equal(table.size, map.size);
      }
      const sorted = (streams: Iterable<FakeStream>): number[] =>
        [...streams].map(({ id }) => id).sort((a, b) => a - b);
      assert.deepEqual(sorted(table.all()), sorted(map.values()));
    }),
  );
});
