import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import type { Picker } from "../../src/data/pick/picker.ts";
import type { PlacedBackend } from "../../src/model/backend.ts";
import { type PickerSpec, pickerTypes } from "../../src/model/pool.ts";
import { bytesPerCall } from "../support/allocation.ts";
import {
  clientAddresses,
  equalWeights,
  pickerVariants,
  placedBackends,
  seededRandom,
  TestPool,
} from "../support/pickers.ts";

const seed = 20_261_122;

/** A pool's weights with which backends are refused, how loaded each is, and how far each has come with its slow start. */
const poolStates = fc.record({
  members: fc.array(
    fc.record({
      weight: fc.integer({ min: 1, max: 256 }),
      refused: fc.boolean(),
      active: fc.nat(50),
      withheld: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 90 })),
    }),
    { minLength: 1, maxLength: 40 },
  ),
  client: fc.ipV4(),
});

function poolOf(state: {
  members: { weight: number; refused: boolean; active: number; withheld: number }[];
  client: string;
}): TestPool {
  const pool = new TestPool(placedBackends(state.members.map(({ weight }) => weight)));
  for (const [slot, { refused, active, withheld }] of state.members.entries()) {
    pool.withheld[slot] = withheld;
    pool.refused[slot] = Number(refused);
    pool.active[slot] = active;
  }
  pool.key.clientAddress = state.client;
  return pool;
}

const isHash = (spec: PickerSpec): boolean => spec.type === "consistent-hash";
const isBounded = (spec: PickerSpec): boolean =>
  spec.type === "consistent-hash" && spec.boundedLoad !== undefined;

/** Picks until nothing is left, each time refusing what was picked, as a session's retries do. */
function exhaust(pool: TestPool, picker: Picker): PlacedBackend[] {
  const picked: PlacedBackend[] = [];
  for (let backend = picker.pick(pool); backend !== undefined; backend = picker.pick(pool)) {
    picked.push(backend);
    pool.refused[backend.slot] = 1;
    assert.ok(picked.length <= pool.backends.length, "a refused backend was picked again");
  }
  return picked;
}

/** The largest relative difference of the counts from the weights. */
function worstDeviation(backends: readonly PlacedBackend[], counts: Int32Array): number {
  const picks = counts.reduce((sum, count) => sum + count, 0);
  const weights = backends.reduce((sum, { weight }) => sum + weight, 0);
  return Math.max(
    ...backends.map(({ slot, weight }) => Math.abs((counts[slot]! * weights) / (picks * weight) - 1)),
  );
}

it("the variants under test cover every type of the model", () => {
  assert.deepEqual(new Set(pickerVariants.map(({ spec }) => spec.type)), new Set(Object.keys(pickerTypes)));
});

it("the measure of allocation sees one small object per call", () => {
  let kept: unknown;
  const bytes = bytesPerCall((times) => {
    for (let count = 0; count < times; count++) kept = { count };
  });
  assert.ok(kept !== undefined && bytes >= 16, `${bytes} bytes`);
});

for (const { name, spec } of pickerVariants) {
  describe(`every picker: ${name}`, () => {
    it("picks a backend that may be picked, and none only if there is none", () => {
      fc.assert(
        fc.property(poolStates, (state) => {
          const pool = poolOf(state);
          const picker = pool.create(spec);
          for (let pick = 0; pick < 20; pick++) {
            const backend = picker.pick(pool);
            if (backend === undefined) assert.ok(state.members.every(({ refused }) => refused));
            else assert.ok(pool.backends.includes(backend) && pool.mayPick(backend));
          }
        }),
        { seed, numRuns: isHash(spec) ? 15 : 100 },
      );
    });

    it("visits every backend once when each attempt fails", () => {
      fc.assert(
        fc.property(poolStates, (state) => {
          const pool = poolOf(state);
          const mayBePicked = pool.backends.filter((backend) => pool.mayPick(backend));
          assert.deepEqual(new Set(exhaust(pool, pool.create(spec))), new Set(mayBePicked));
        }),
        { seed, numRuns: isHash(spec) ? 15 : 100 },
      );
    });

    it("finds the only one of 1,000 that is left, wherever it is", () => {
      const pool = new TestPool(placedBackends(equalWeights(1_000)));
      const picker = pool.create(spec);
      for (const left of [0, 499, 999]) {
        pool.refuse(pool.backends.filter(({ slot }) => slot !== left));
        for (const client of clientAddresses(20)) {
          pool.key.clientAddress = client;
          assert.equal(picker.pick(pool)?.slot, left);
        }
      }
    });

    it("picks among those that are left after a rebuild", () => {
      const all = placedBackends([3, 1, 2, 1, 5, 1, 1, 2]);
      let previous: Picker | undefined;
      fc.assert(
        fc.property(fc.subarray(all, { minLength: 1 }), (backends) => {
          const pool = new TestPool(backends, { previous });
          const picker = pool.create(spec);
          assert.deepEqual(new Set(exhaust(pool, picker)), new Set(backends));
          previous = picker;
        }),
        { seed, numRuns: isHash(spec) ? 10 : 30 },
      );
    });

    it("takes empty addresses and names as they are", () => {
      const pool = new TestPool(placedBackends([1, 2, 3]));
      pool.key.clientAddress = "";
      assert.ok(pool.backends.includes(pool.create(spec).pick(pool)!));
    });

    it("allocates nothing per pick, whether all, half or one of the backends may be picked or start slowly", () => {
      const pool = new TestPool(placedBackends(Array.from({ length: 100 }, (_, index) => 1 + (index % 3))));
      const picker = pool.create(spec);
      const clients = clientAddresses(1_024);
      let next = 0;
      for (const [left, slow] of [
        [100, 0],
        [50, 0],
        [1, 0],
        [100, 50],
      ] as const) {
        pool.refuse(pool.backends.slice(left));
        pool.withheld.fill(45, 0, slow);
        const bytes = bytesPerCall((times) => {
          for (let count = 0; count < times; count++) {
            pool.key.clientAddress = clients[next++ & 1_023]!;
            picker.pick(pool);
          }
        });
        // A hash picker's scan that is too rare to be compiled allocates less than any object per pick.
        assert.ok(
          bytes < (slow === 0 ? 1 : 8),
          `${bytes} bytes per pick with ${left} of 100, ${slow} starting`,
        );
      }
    });

    // A bound changes nothing of the table.
    if (isBounded(spec)) return;
    it("is built over 10,000 backends of any weight within 2 s of CPU time", () => {
      const pool = new TestPool(
        placedBackends(Array.from({ length: 10_000 }, (_, index) => 1 + (index % 256))),
      );
      const previous = new TestPool(pool.backends.slice(0, 10)).create(spec);
      const before = process.threadCpuUsage();
      const picker = pool.create(spec, { previous });
      const { user, system } = process.threadCpuUsage(before);
      assert.ok(picker.pick(pool) !== undefined);
      assert.ok(user + system < 2_000_000, `${user + system} µs`);
    });
  });
}

describe("every picker's shares", () => {
  const clients = clientAddresses(100_000);
  const uneven = [1, 2, 3];

  for (const { name, spec } of pickerVariants) {
    // A ring's shares are as random as its points.
    const tolerance = spec.type === "consistent-hash" && spec.algorithm === "ring" ? 0.25 : 0.02;
    // Idle, least-connection prefers the heaviest: its promise is about open connections.
    const idle = spec.type === "least-connection" ? [equalWeights(3)] : [equalWeights(3), uneven];

    for (const weights of idle) {
      it(`${name}: sessions follow the weights ${weights} within ${tolerance * 100} % over 100,000 picks`, () => {
        const pool = new TestPool(placedBackends(weights));
        const counts = pool.count(pool.create(spec), clients);
        const deviation = worstDeviation(pool.backends, counts);
        assert.ok(deviation <= tolerance, `${deviation}: ${counts.subarray(0, weights.length)}`);
      });
    }

    for (const weights of [equalWeights(3), uneven, equalWeights(20)]) {
      if (!["round-robin", "least-connection", "power-of-two", "peak-ewma"].includes(spec.type)) continue;
      it(`${name}: open connections follow the weights ${weights} within 2 %`, () => {
        const pool = new TestPool(placedBackends(weights));
        const counts = pool.count(pool.create(spec), clients, true);
        const deviation = worstDeviation(pool.backends, counts);
        assert.ok(deviation <= 0.02, `${deviation}: ${counts.subarray(0, weights.length)}`);
      });
    }

    for (const [most, weights] of [
      ["one", [2, 4, 2, 4]],
      ["most", [2, 4, 2, ...equalWeights(97)]],
    ] as const) {
      it(`${name}: three backends keep their proportions with ${most} of ${weights.length} refused`, () => {
        const pool = new TestPool(placedBackends(weights));
        const picker = pool.create(spec);
        pool.refuse(pool.backends.slice(3));
        const counts = pool.count(picker, clients, spec.type === "least-connection");
        const deviation = worstDeviation(pool.backends.slice(0, 3), counts);
        assert.ok(deviation <= tolerance, `${deviation}: ${counts.subarray(0, 3)}`);
      });
    }

    for (const withheld of [90, 50, 10]) {
      const less = isHash(spec) ? "of its keys, which the others get" : "of its weight";
      it(`${name}: a backend that starts slowly does without ${withheld} % ${less}`, () => {
        const pool = new TestPool(placedBackends([2, 2, 4, 2]));
        pool.withheld[1] = withheld;
        const counts = pool.count(pool.create(spec), clients, spec.type === "least-connection");
        const left = 2 * (100 - withheld);
        const others = isHash(spec) ? (1000 - left) / 4 : 200;
        const present = placedBackends([others, left, 2 * others, others]);
        const deviation = worstDeviation(present, counts);
        // Of a few thousand sessions, chance is worth more than one in fifty.
        assert.ok(deviation <= Math.max(tolerance, 0.06), `${deviation}: ${counts.subarray(0, 4)}`);
      });
    }

    if (isHash(spec)) continue;
    it(`${name}: a rebuild before every pick favours no backend`, () => {
      const pool = new TestPool(placedBackends(equalWeights(5)));
      const counts = new Int32Array(5);
      let previous: Picker | undefined;
      for (let pick = 0; pick < 20_000; pick++) {
        previous = pool.create(spec, { previous });
        counts[previous.pick(pool)!.slot]!++;
      }
      const deviation = worstDeviation(pool.backends, counts);
      assert.ok(deviation <= 0.05, `${deviation}: ${counts}`);
    });
  }
});

describe("every consistent hash: which keys move", () => {
  const clients = clientAddresses(20_000);
  const hashes = pickerVariants.filter(({ spec }) => isHash(spec) && !isBounded(spec));

  for (const { name, spec } of hashes) {
    for (const weights of [
      equalWeights(10),
      equalWeights(50),
      Array.from({ length: 50 }, (_, i) => 1 + (i % 3)),
    ]) {
      const kind = new Set(weights).size === 1 ? "" : " of uneven weights";

      it(`${name}: at most 1.5/n when discovery removes one of ${weights.length}${kind}, and the same come back`, () => {
        const backends = placedBackends(weights);
        const pool = new TestPool(backends);
        const before = pool.assign(pool.create(spec), clients);
        const share = (slot: number): number =>
          weights[slot]! / weights.reduce((sum, weight) => sum + weight, 0);
        for (let gone = 0; gone < backends.length; gone += 7) {
          const left = backends.filter(({ slot }) => slot !== gone);
          const after = new TestPool(left);
          const assigned = after.assign(after.create(spec), clients);
          const moved = before.filter((slot, key) => slot !== assigned[key]);
          const bound = 1.5 * Math.max(share(gone), 1 / backends.length);
          assert.ok(
            moved.length <= bound * clients.length,
            `${moved.length} keys of ${clients.length} moved`,
          );
          if (spec.type === "consistent-hash" && spec.algorithm === "ring") {
            assert.ok(
              moved.every((slot) => slot === gone),
              "a key of another backend moved",
            );
          }
        }
        assert.deepEqual(pool.assign(pool.create(spec), clients), before);
      });

      it(`${name}: only its own, spread over the others, when one of ${weights.length}${kind} is refused`, () => {
        const pool = new TestPool(placedBackends(weights));
        const picker = pool.create(spec);
        const before = pool.assign(picker, clients);
        for (let gone = 0; gone < weights.length; gone += 7) {
          pool.refuse([pool.backends[gone]!]);
          const after = pool.assign(picker, clients);
          const heirs = new Map<number, number>();
          for (const [key, slot] of after.entries()) {
            if (before[key] !== gone) assert.equal(slot, before[key]);
            else heirs.set(slot, (heirs.get(slot) ?? 0) + 1);
          }
          const keys = [...heirs.values()].reduce((sum, count) => sum + count, 0);
          assert.ok(heirs.size >= 8, `${heirs.size} backends took over`);
          assert.ok(
            Math.max(...heirs.values()) <= keys * 0.3,
            `one backend took most: ${[...heirs.values()]}`,
          );
        }
      });
    }

    it(`${name}: one after the other, each once and no others, while a backend starts slowly`, () => {
      const pool = new TestPool(placedBackends(equalWeights(20)));
      const picker = pool.create(spec);
      const whole = pool.assign(picker, clients);
      pool.refuse([pool.backends[7]!]);
      let before = pool.assign(picker, clients);
      pool.refuse([]);
      const own = whole.filter((slot) => slot === 7).length;
      for (let withheld = 90; withheld >= 0; withheld -= 5) {
        pool.withheld[7] = withheld;
        const after = pool.assign(picker, clients);
        for (const [key, slot] of after.entries())
          assert.ok(slot === before[key] || (slot === 7 && whole[key] === 7), `key ${key} moved to ${slot}`);
        const share = after.filter((slot) => slot === 7).length / own;
        assert.ok(Math.abs(share - (1 - withheld / 100)) < 0.05, `${share} with ${withheld} % held back`);
        before = after;
      }
      assert.deepEqual(before, whole);
    });

    it(`${name}: none when discovery finds the same backends in another order`, () => {
      const backends = placedBackends(Array.from({ length: 60 }, (_, index) => 1 + (index % 3)));
      const pool = new TestPool(backends);
      const turned = new TestPool([...backends.slice(4).reverse(), ...backends.slice(0, 4)]);
      assert.deepEqual(
        pool.assign(pool.create(spec), clients),
        turned.assign(
          turned.create(spec, { worker: { index: 1, count: 2 }, random: seededRandom(9) }),
          clients,
        ),
      );
    });

    it(`${name}: two worker threads agree on every key`, async () => {
      const answers = await Promise.all(
        [0, 1].map(async (index) => {
          const worker = new Worker(new URL("../support/assign-in-worker.ts", import.meta.url), {
            workerData: { spec, index, weights: [1, 2, 3, 4, 5] },
          });
          const [assigned] = (await once(worker, "message")) as [Int32Array];
          await worker.terminate();
          return assigned;
        }),
      );
      assert.equal(answers[0]!.length, 1_000);
      assert.deepEqual(answers[0], answers[1]);
    });
  }
});
