import assert from "node:assert/strict";
import { test } from "node:test";
import { createSharedMemory } from "../../../src/channel/memory.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { Store } from "../../../src/control/state/store.ts";
import type { RateLimit } from "../../../src/model/http/guard.ts";
import type { Model } from "../../../src/model/model.ts";
import type { PlacedGuard } from "../../../src/model/snapshot.ts";
import { base, httpModel } from "../../providers/toml/http/loading.ts";

const model = (limits: string, route = ""): Promise<Model> =>
  httpModel(`${base}[routes.a]\npool = "b"\nrate_limit = ["x"]\n${route}[rate_limits.x]\n${limits}\n`);

function storeOf(of: Model): Store {
  const bound = boundOf(of);
  return new Store(of, bound, createSharedMemory(), new WorkerCounters(1));
}

const boundOf = ({ listeners }: Model) =>
  new Map(listeners.map(({ name, bind }) => [name, { addresses: [bind], accept: "shared-port" as const }]));

function limitOf(store: Store): Extract<PlacedGuard, { kind: "rate-limit" }> {
  const [guard] = store.snapshot.routeTables[0]!.guards;
  assert.ok(guard?.kind === "rate-limit");
  return guard;
}

test("a limit keeps its place and its memory over changes, until it has room for other keys", async () => {
  const store = storeOf(await model('rate = "1/s"'));
  const before = limitOf(store);
  const configure = async (limits: string): Promise<void> => {
    const next = await model(limits);
    store.configure(next, boundOf(next));
  };
  await configure('rate = "2/s"');
  const after = limitOf(store);
  assert.notEqual(after, before);
  assert.equal(after.table, before.table);
  assert.deepEqual([after.slot, after.counters, after.seed], [before.slot, before.counters, before.seed]);
  assert.deepEqual([...store.takeTouched().routeTables], ["web"]);
  await configure('rate = "2/s"\nkeys = 1_000_000');
  assert.notEqual(limitOf(store).table, before.table);
  assert.ok(limitOf(store).table.byteLength > before.table.byteLength);
});

test("limits that share their counts have one memory, which stays while one of them does", async () => {
  const given = await model('rate = "1/s"');
  const withLimits = (...names: readonly string[]): Model => ({
    ...given,
    routeTables: given.routeTables.map((table) => ({
      ...table,
      guards: names.map((name) => ({ ...(table.guards[0] as RateLimit), name, counts: "rate_limits.x" })),
    })),
  });
  const store = storeOf(withLimits("rate_limits.x", "rate_limits.y"));
  const tables = (): unknown[] =>
    store.snapshot.routeTables[0]!.guards.map((guard) => guard.kind === "rate-limit" && guard.table);
  const [one, two] = tables();
  assert.equal(one, two);
  const left = withLimits("rate_limits.y");
  store.configure(left, boundOf(left));
  assert.deepEqual(tables(), [one]);
});

test("a guard that was renewed is in every table that names it, and nothing else changes", async () => {
  const store = storeOf(await model('rate = "1/s"'));
  store.takeTouched();
  const before = limitOf(store);
  const { slot: _slot, counters: _counters, table: _table, seed: _seed, ...guard } = before;
  store.setMaterial({
    listeners: new Map(),
    pools: new Map(),
    guards: new Map([[guard.name, { ...guard, burst: 9 }]]),
    pages: new Map(),
  });
  assert.equal(limitOf(store).burst, 9);
  assert.equal(limitOf(store).table, before.table);
  const touched = store.takeTouched();
  assert.deepEqual([[...touched.routeTables], [...touched.pools], [...touched.listeners]], [["web"], [], []]);
});
