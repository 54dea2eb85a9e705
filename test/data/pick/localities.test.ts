import assert from "node:assert/strict";
import { test } from "node:test";
import { backendFlag } from "../../../src/channel/memory.ts";
import { createPoolPicker, type Picking } from "../../../src/data/pick/tiers.ts";
import type { PlacedBackend } from "../../../src/model/backend.ts";
import type { PickerSpec } from "../../../src/model/pool.ts";
import { equalWeights, placedBackends, TestPool } from "../../support/pickers.ts";

const random: PickerSpec = { type: "random" };
const byWeight = { picker: random, localities: { by: "weight" } } as const satisfies Picking;

/** Backends by locality: how many there are in each, and its weight. */
function backendsIn(
  places: Readonly<Record<string, readonly [count: number, weight: number]>>,
): PlacedBackend[] {
  const localities = Object.entries(places).flatMap(([name, [count, weight]]) =>
    Array.from({ length: count }, () => ({ name, weight })),
  );
  return placedBackends(equalWeights(localities.length)).map((backend, index) => ({
    ...backend,
    locality: localities[index]!,
  }));
}

/** Takes the first so many backends of a locality out of service. */
function down(pool: TestPool, locality: string, count: number): void {
  const members = pool.backends.filter((backend) => backend.locality?.name === locality).slice(0, count);
  for (const { slot } of members) {
    pool.flags[slot] = backendFlag.down;
    pool.refused[slot] = 1;
  }
}

/** The share of each locality in 10,000 picks, in percent. */
function sharesOf(picking: Picking, pool: TestPool): Record<string, number> {
  const picker = createPoolPicker(picking, pool.inputs);
  const counts: Record<string, number> = {};
  for (let count = 0; count < 10_000; count++) {
    const { name } = picker.pick(pool)!.locality!;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / 100]));
}

function assertShares(
  actual: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
  for (const [name, share] of Object.entries(expected))
    assert.ok(Math.abs(actual[name]! - share) < 2.5, `${name}: ${actual[name]} %, expected ${share} %`);
}

test("localities share by their weights, whatever the number of their backends is", () => {
  const pool = new TestPool(backendsIn({ a: [1, 3], b: [10, 1] }));
  assertShares(sharesOf(byWeight, pool), { a: 75, b: 25 });
});

test("a weight counts in full while 5 of 7 backends are well, and then in proportion", () => {
  const pool = new TestPool(backendsIn({ a: [10, 1], b: [10, 1] }));
  down(pool, "a", 2);
  assertShares(sharesOf(byWeight, pool), { a: 50, b: 50 });
  down(pool, "a", 5);
  // 5 of 10, times 1.4, is 0.7 of its weight.
  assertShares(sharesOf(byWeight, pool), { a: (100 * 0.7) / 1.7, b: 100 / 1.7 });
  down(pool, "a", 10);
  assertShares(sharesOf(byWeight, pool), { b: 100 });
});

test("a locality without a weight takes nothing, unless none has one", () => {
  assertShares(sharesOf(byWeight, new TestPool(backendsIn({ a: [2, 0], b: [2, 1] }))), { b: 100 });
  assertShares(sharesOf(byWeight, new TestPool(backendsIn({ a: [1, 0], b: [3, 0] }))), { a: 25, b: 75 });
});

test("a picker with one table for all spreads keys by weights of localities, too", () => {
  const hash = {
    type: "consistent-hash",
    key: "source-ip",
    algorithm: "maglev",
    boundedLoad: undefined,
  } as const;
  const sharesOfKeys = (places: Parameters<typeof backendsIn>[0]): Record<string, number> => {
    const pool = new TestPool(backendsIn(places));
    const picker = createPoolPicker({ picker: hash, localities: { by: "weight" } }, pool.inputs);
    const shares: Record<string, number> = {};
    for (let client = 0; client < 4_000; client++) {
      pool.key.clientAddress = `client ${client}`;
      const { name } = picker.pick(pool)!.locality!;
      shares[name] = (shares[name] ?? 0) + 1 / 40;
    }
    return shares;
  };
  assertShares(sharesOfKeys({ a: [2, 3], b: [6, 1] }), { a: 75, b: 25 });
  assertShares(sharesOfKeys({ a: [2, 0], b: [2, 1] }), { b: 100 });
  assertShares(sharesOfKeys({ a: [1, 0], b: [3, 0] }), { a: 25, b: 75 });
});

const zone = { by: "zone", own: "a", peers: "umays", minBackends: 6, percent: 100, direct: false } as const;

/** @param umays how many there are in each zone. */
function zoned(
  backends: Readonly<Record<string, number>>,
  umays: Readonly<Record<string, number>>,
): { readonly pool: TestPool; readonly inputs: TestPool["inputs"] } {
  const places = (counts: Readonly<Record<string, number>>): PlacedBackend[] =>
    backendsIn(Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, [count, 0]])));
  const pool = new TestPool(places(backends), {
    peers: (name) => (name === "umays" ? places(umays) : []),
  });
  return { pool, inputs: pool.inputs };
}

test("in a zone that has its part of the backends sessions stay", () => {
  const { pool } = zoned({ a: 4, b: 4 }, { a: 1, b: 1 });
  assertShares(sharesOf({ picker: random, localities: zone }, pool), { a: 100 });
});

test("a zone without its part sends the rest to zones with room, as Envoy's documentation has it", () => {
  // From this zone come 40 %, and it has 25 % of the backends: 62.5 % stay. Of the rest, zone b has room for 10 %, c for 5 %.
  const { pool } = zoned({ a: 5, b: 10, c: 5 }, { a: 4, b: 4, c: 2 });
  assertShares(sharesOf({ picker: random, localities: zone }, pool), { a: 62.5, b: 25, c: 12.5 });
  const direct = { picker: random, localities: { ...zone, direct: true } } as const;
  assertShares(sharesOf(direct, pool), { a: 100 });
});

test("zones do not matter for few backends, without umays in this zone, for what is not routed so, and for backups", () => {
  const few = zoned({ a: 1, b: 3 }, { a: 1, b: 1 }).pool;
  assertShares(sharesOf({ picker: random, localities: zone }, few), { a: 25, b: 75 });
  const alone = zoned({ a: 2, b: 6 }, { b: 1, c: 1 }).pool;
  assertShares(sharesOf({ picker: random, localities: zone }, alone), { a: 25, b: 75 });
  const half = zoned({ a: 4, b: 4 }, { a: 1, b: 1 }).pool;
  assertShares(sharesOf({ picker: random, localities: { ...zone, percent: 50 } }, half), { a: 75, b: 25 });
  const backups = zoned({ a: 4, b: 4 }, { a: 1, b: 1 }).pool;
  const behind = new TestPool(
    backups.backends.map((backend) => ({ ...backend, tier: 1 })),
    { peers: backups.inputs.peers },
  );
  assertShares(sharesOf({ picker: random, localities: zone }, behind), { a: 50, b: 50 });
});

test("as many sessions go to each of Envoy's priorities as it can bear, also where health is ignored", () => {
  const tiers = (count: readonly number[]): PlacedBackend[] =>
    placedBackends(equalWeights(count.reduce((sum, each) => sum + each, 0))).map((backend, index) => ({
      ...backend,
      tier: index < count[0]! ? 0 : 1,
      locality: { name: index < count[0]! ? "0" : "1", weight: 0 },
    }));
  const picking = { picker: random, overprovisioning: 140 } as const;
  const pool = new TestPool(tiers([10, 10]));
  down(pool, "0", 8);
  down(pool, "1", 8);
  // Each bears 28 of 100: half of all.
  assertShares(sharesOf(picking, pool), { "0": 50, "1": 50 });
  const all = new TestPool(tiers([15, 5]));
  for (const { slot } of all.backends) all.flags[slot] = backendFlag.down | backendFlag.trusted;
  assertShares(sharesOf(picking, all), { "0": 75, "1": 25 });
});
