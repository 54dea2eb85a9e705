import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createAddressTable, openAddressTable, raiseFullAt } from "../../src/channel/address-table.ts";
import { hashKey } from "../../src/data/guard/limit/key.ts";
import { LimitTable } from "../../src/data/guard/limit/table.ts";
import { Tally } from "../../src/data/guard/limit/tally.ts";
import { cellsOfKey, type PassedRequests } from "../../src/model/http/passed.ts";
import { type CountCall, type CountedLimit, type HeardKey, SharedCounts } from "../../src/sharing/counts.ts";

const limit: CountedLimit = { name: "rate_limits.x", rate: { requests: 100, period: 1_000 }, burst: 20 };

const passed = (keys: Readonly<Record<string, number>>, untold = 0): PassedRequests => ({
  limit: limit.name,
  keys: Object.keys(keys),
  cells: Int32Array.from(Object.values(keys).flatMap((count, index) => [index, -index, count])),
  untold,
});

/** A store that says nothing before it is told to. */
class SlowStore {
  readonly calls: CountCall[] = [];
  #answer = Promise.withResolvers<readonly number[]>();

  count(call: CountCall): Promise<readonly number[]> {
    this.calls.push(call);
    return this.#answer.promise;
  }

  async answer(value: readonly number[] | Error): Promise<void> {
    const { resolve, reject } = this.#answer;
    this.#answer = Promise.withResolvers();
    if (value instanceof Error) reject(value);
    else resolve(value);
    await turn();
  }
}

function sharing(store: SlowStore) {
  const heard: HeardKey[] = [];
  let lost = 0;
  const counts = new SharedCounts(store, "p:", {
    heard: (_, keys) => heard.push(...keys),
    lost: (_, requests) => {
      lost += requests;
    },
  });
  return { counts, heard, lost: () => lost };
}

test("one call is under way at a time, and sums up what comes meanwhile", async () => {
  const store = new SlowStore();
  const { counts, heard } = sharing(store);
  counts.add(limit, passed({ a: 2 }));
  counts.add(limit, passed({ b: 1 }));
  counts.add(limit, passed({ b: 3, a: 1 }));
  assert.equal(store.calls.length, 1);
  await store.answer([20]);
  assert.deepEqual(heard, [{ high: 0, low: 0, ahead: 20 }]);
  assert.deepEqual(
    store.calls.map(({ values }) => values.slice(2)),
    [["2"], ["4", "1"]],
  );
  assert.equal(store.calls[0]!.keys[0], store.calls[1]!.keys[1]);
  await store.answer([60, 30]);
  assert.equal(heard.length, 3);
});

test("the store is asked about no more than it can be in one call", async () => {
  const store = new SlowStore();
  const { counts } = sharing(store);
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`key-${index}`, 1]));
  counts.add(limit, passed(many));
  await store.answer(store.calls[0]!.keys.map(() => 1));
  const names = store.calls.flatMap(({ keys }) => keys);
  assert.deepEqual(
    store.calls.map(({ keys }) => keys.length),
    [512, 488],
  );
  assert.equal(new Set(names).size, 1_000);
  for (const name of names) assert.match(name, /^p:\{rate_limits\.x\}:key-\d+$/);
  assert.deepEqual(store.calls[0]!.values.slice(0, 2), ["10", String(16 * 20 * 10 + 10_000)]);
});

test("a store that fails costs counts, and no more memory than the keys that may wait", async () => {
  const store = new SlowStore();
  const { counts, heard, lost } = sharing(store);
  counts.add(limit, passed({ a: 5 }, 7));
  assert.equal(lost(), 7);
  await store.answer(new Error("away"));
  assert.deepEqual([lost(), heard.length], [12, 0]);
  counts.add(limit, passed({ a: 1 }));
  counts.add(
    limit,
    passed(Object.fromEntries(Array.from({ length: 65_540 }, (_, key) => [`key ${key}`, 2]))),
  );
  assert.equal(lost(), 12 + 2 * 4);
});

test("what passes is reported in rounds, by names that tell nobody what a client has sent, and that are short", async () => {
  const reported = Promise.withResolvers<PassedRequests>();
  const tally = new Tally("rate_limits.x", reported.resolve);
  const long = "secret".repeat(1_000);
  for (const text of [long, "b", long]) tally.add(text, hashKey(text, 1));
  const { limit: name, keys, cells, untold } = await reported.promise;
  assert.deepEqual([name, keys.length, untold], ["rate_limits.x", 2, 0]);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9_-]{22}$/);
  const { high, low } = hashKey("b", 1);
  assert.deepEqual([...cells.subarray(cellsOfKey)], [high, low, 1]);
  assert.equal(cells[2], 2);
});

test("a table takes over what has passed elsewhere, and never less than what it knows", () => {
  const memory = createAddressTable(1, 2, 1);
  const table = openAddressTable(memory);
  const now = 1_000_000;
  const limits = new LimitTable(
    memory,
    1,
    { rate: { requests: 10, period: 1_000 }, burst: 5, concurrent: undefined },
    () => now,
  );
  const { high, low } = hashKey("a", 1);
  assert.deepEqual([limits.take({ high, low }).kind, limits.take({ high, low }).left], ["ok", 3]);
  raiseFullAt(table, high, low, now + 400);
  assert.equal(limits.take({ high, low }).left, 0);
  assert.equal(limits.take({ high, low }).kind, "rate");
  raiseFullAt(table, high, low, now);
  assert.equal(limits.take({ high, low }).kind, "rate");
  raiseFullAt(table, 1, 2, now + 400);
  assert.equal(limits.take({ high: 1, low: 2 }).left, 4, "a key that is not there is not remembered");
  // A worker that died has left its lock behind.
  Atomics.store(table.locks, low & (table.sets - 1), 2);
  raiseFullAt(table, high, low, now + 10_000);
  assert.equal(table.fullAt.includes(now + 10_000), false);
});
