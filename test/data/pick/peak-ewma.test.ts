import assert from "node:assert/strict";
import { test } from "node:test";
import { type Scenario, simulate } from "../../../bench/simulation/simulate.ts";
import { Latencies } from "../../../src/data/pick/latency.ts";
import type { PickerSpec } from "../../../src/model/pool.ts";
import { equalWeights, placedBackends, TestPool } from "../../support/pickers.ts";

const spec = { type: "peak-ewma", decay: 10_000 } as const satisfies PickerSpec;
const nobody = Array.from({ length: 10_000 }, () => "");

/** A pool whose backends took these times, in milliseconds. */
function measured(times: readonly number[], weights = equalWeights(times.length)) {
  const pool = new TestPool(placedBackends(weights));
  const latencies = new Latencies(pool.latency, pool.clock, spec.decay);
  for (const [slot, took] of times.entries()) latencies.answered(slot, took);
  return { pool, latencies, picker: pool.create(spec) };
}

test("the slower of two is picked only when the faster one's connections make up for it", () => {
  const { pool, picker } = measured([10, 45]);
  assert.equal(pool.count(picker, nobody)[1], 0);
  pool.active[0] = 3;
  assert.equal(pool.count(picker, nobody)[1], 0);
  pool.active[0] = 4;
  assert.equal(pool.count(picker, nobody)[0], 0);
});

test("of backends that are equally fast, a heavier one may have as many more connections", () => {
  const { pool, picker } = measured([10, 10], [1, 3]);
  pool.active.set([2, 5]);
  assert.equal(pool.count(picker, nobody)[0], 0);
  pool.active.set([2, 7]);
  assert.equal(pool.count(picker, nobody)[1], 0);
});

test("one session finds out how fast a new backend is; the others wait for what it finds", () => {
  const { pool, picker, latencies } = measured([10, 10, 10]);
  pool.latency.fill(0, 4, 6);
  const picked = (): number[] => [...pool.count(picker, nobody).subarray(0, 3)];
  pool.active.set([1, 1, 0]);
  const before = picked();
  assert.ok(before[2]! > 5_000, `${before}`);
  pool.active[2] = 1;
  assert.equal(picked()[2], 0);
  latencies.answered(2, 5);
  assert.ok(picked()[2]! > 5_000);
});

test("a slow backend is tried again when what was measured has faded", () => {
  const { pool, picker, latencies } = measured([10, 10, 10, 100]);
  for (let time = 0; time < 60; time++) {
    pool.clock.now += 1_000;
    for (let slot = 0; slot < 3; slot++) latencies.answered(slot, 10);
    // 10 s · ln(100 / 10)
    assert.equal(pool.count(picker, nobody)[3]! > 0, time + 1 > 23);
  }
});

const oneSlow: Scenario = {
  name: "one of five is ten times slower",
  backends: 5,
  workers: 2,
  sessions: 20_000,
  utilisation: 0.1,
  speed: (index) => (index === 4 ? 0.1 : 1),
  weight: () => 1,
  warmUp: 0,
  slowStart: 0,
};

test("with one of five backends ten times slower, the 99th percentile is at most half of round-robin's", () => {
  for (const seed of [1, 2]) {
    const inTurn = simulate(oneSlow, { type: "round-robin" }, seed);
    const byLatency = simulate(oneSlow, spec, seed);
    assert.ok(byLatency.p99 <= inTurn.p99 / 2, `${byLatency.p99} ms, round-robin ${inTurn.p99} ms`);
  }
});

test("the same seed gives the same figures", () => {
  const play = () => simulate({ ...oneSlow, sessions: 5_000 }, spec, 7);
  assert.deepEqual(play(), play());
});
