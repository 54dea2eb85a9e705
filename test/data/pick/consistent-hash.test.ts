import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConsistentHashSpec } from "../../../src/model/pool.ts";
import { clientAddresses, equalWeights, placedBackends, TestPool } from "../../support/pickers.ts";

const clients = clientAddresses(2_000);
const spec = (overrides: Partial<ConsistentHashSpec> = {}): ConsistentHashSpec => ({
  type: "consistent-hash",
  key: "source-ip",
  algorithm: "maglev",
  boundedLoad: undefined,
  ...overrides,
});

for (const algorithm of ["maglev", "ring"] as const) {
  describe(algorithm, () => {
    const pool = new TestPool(placedBackends(equalWeights(10)));

    it("one client stays with one backend, whatever name it asks for", () => {
      const picker = pool.create(spec({ algorithm }));
      for (const client of clients.slice(0, 50)) {
        pool.key.clientAddress = client;
        pool.key.serverName = "";
        const backend = picker.pick(pool);
        pool.key.serverName = "a.example";
        assert.equal(picker.pick(pool), backend);
      }
    });

    it("one server name stays with one backend, whoever asks for it", () => {
      const picker = pool.create(spec({ algorithm, key: "sni" }));
      const chosen = new Set<string>();
      for (let name = 0; name < 50; name++) {
        pool.key.serverName = `host-${name}.example`;
        const backends = new Set(
          clients.slice(0, 20).map((client) => {
            pool.key.clientAddress = client;
            return picker.pick(pool)!.address;
          }),
        );
        assert.equal(backends.size, 1);
        for (const address of backends) chosen.add(address);
      }
      assert.ok(chosen.size >= 8, `${chosen.size} backends serve 50 names`);
    });

    it("without a server name the key is the client's address", () => {
      pool.key.serverName = "";
      assert.deepEqual(
        pool.assign(pool.create(spec({ algorithm, key: "sni" })), clients),
        pool.assign(pool.create(spec({ algorithm })), clients),
      );
    });

    it("a bound that nobody reaches changes nothing", () => {
      const calm = new TestPool(placedBackends(equalWeights(100)));
      for (const { slot } of calm.backends) calm.active[slot] = 90 + (slot % 20);
      assert.deepEqual(
        calm.assign(calm.create(spec({ algorithm, boundedLoad: 1.25 })), clients),
        calm.assign(calm.create(spec({ algorithm })), clients),
      );
    });

    for (const [weights, down] of [
      [equalWeights(10), []],
      [[1, 2, 3, 4, 5], []],
      [equalWeights(10), [1, 4, 5, 8]],
      [[256, 1, 1], [0]],
    ] as const) {
      it(`with ${down.length} of the weights ${weights} down, one client alone fills no backend above its bound`, () => {
        const hot = new TestPool(placedBackends(weights));
        hot.refuse(down.map((slot) => hot.backends[slot]!));
        const picker = hot.create(spec({ algorithm, boundedLoad: 1.25 }));
        const up = hot.backends.filter((backend) => hot.mayPick(backend));
        const total = up.reduce((sum, { weight }) => sum + weight, 0);
        for (let open = 1; open <= 5_000; open++) {
          const { slot, weight } = picker.pick(hot)!;
          hot.active[slot]!++;
          const bound = Math.ceil((1.25 * open * weight) / total);
          assert.ok(hot.active[slot]! <= bound, `${hot.active[slot]} of ${open} with a bound of ${bound}`);
        }
      });
    }

    it("keeps a client at its own backend until that one is full, and brings it back afterwards", () => {
      const hot = new TestPool(placedBackends(equalWeights(10)));
      const picker = hot.create(spec({ algorithm, boundedLoad: 1.25 }));
      for (const { slot } of hot.backends) hot.active[slot] = 100;
      const home = picker.pick(hot)!;
      hot.active[home.slot] = 140;
      const refuge = picker.pick(hot)!;
      assert.notEqual(refuge, home);
      assert.equal(picker.pick(hot), refuge);
      hot.active[home.slot] = 120;
      assert.equal(picker.pick(hot), home);
    });

    it("counts the new connection in the bound", () => {
      const hot = new TestPool(placedBackends(equalWeights(5)));
      const picker = hot.create(spec({ algorithm, boundedLoad: 1.25 }));
      const home = picker.pick(hot)!;
      hot.active.fill(10, 0, 5);
      // With 52 open, 1.25 of a fifth is 13; with 53 it is 13.25, so a fourteenth may come to a backend with 13.
      hot.active[home.slot] = 13;
      hot.active[(home.slot + 1) % 5] = 9;
      assert.equal(picker.pick(hot), home);
    });

    it("answers a pool whose load has just jumped, and whose totals are still being counted", () => {
      const hot = new TestPool(placedBackends(equalWeights(1_000)));
      const picker = hot.create(spec({ algorithm, boundedLoad: 1.1 }));
      hot.active.fill(1_000);
      const free = hot.assign(hot.create(spec({ algorithm })), clients.slice(0, 5));
      assert.deepEqual(hot.assign(picker, clients.slice(0, 5)), free);
    });

    it("more than 32 backends stay close to their bound while the totals lag behind", () => {
      const hot = new TestPool(placedBackends(equalWeights(200)));
      const picker = hot.create(spec({ algorithm, boundedLoad: 1.25 }));
      for (let open = 0; open < 20_000; open++) hot.active[picker.pick(hot)!.slot]!++;
      const most = Math.max(...hot.active);
      assert.ok(most <= 1.25 * 100 + 1, `${most} of a mean of 100`);
    });

    it("when a backend is gone for most of the pool, each key still has its own order of the rest", () => {
      const wide = new TestPool(placedBackends(equalWeights(200)));
      const picker = wide.create(spec({ algorithm }));
      wide.refuse(wide.backends.slice(4));
      const counts = wide.count(picker, clients);
      for (const count of counts.subarray(0, 4))
        assert.ok(count > 350 && count < 650, `${counts.subarray(0, 4)}`);
      const before = wide.assign(picker, clients);
      wide.refuse(wide.backends.slice(3));
      const after = wide.assign(picker, clients);
      for (const [key, slot] of before.entries()) if (slot !== 3) assert.equal(after[key], slot);
    });
  });
}
