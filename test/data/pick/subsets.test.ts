import assert from "node:assert/strict";
import { test } from "node:test";
import { createPoolPicker, type Picking } from "../../../src/data/pick/tiers.ts";
import type { PlacedBackend } from "../../../src/model/backend.ts";
import type { PickerSpec } from "../../../src/model/pool.ts";
import type { Labels, SubsetRule } from "../../../src/model/subset.ts";
import { equalWeights, placedBackends, TestPool } from "../../support/pickers.ts";

const random: PickerSpec = { type: "random" };

/** Labels in JSON. */
const json = (labels: Readonly<Record<string, unknown>>): Labels =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, JSON.stringify(value)]));

const labelled = (labels: readonly (Readonly<Record<string, unknown>> | undefined)[]): PlacedBackend[] =>
  placedBackends(equalWeights(labels.length)).map((backend, index) => {
    const its = labels[index];
    return its === undefined ? backend : { ...backend, labels: json(its) };
  });

const rule = (more: Partial<SubsetRule>): Picking => ({
  picker: random,
  subsets: { selectors: [{ keys: ["v"] }, { keys: ["stage", "v"] }], otherwise: "none", usual: {}, ...more },
});

/** The slots that are picked when this part is asked for. */
function slotsOf(
  picking: Picking,
  pool: TestPool,
  asked?: Readonly<Record<string, unknown>>,
): readonly number[] {
  const picker = createPoolPicker(picking, pool.inputs);
  const key = { ...pool.key, subset: asked && json(asked) };
  const slots = new Set<number>();
  for (let count = 0; count < 100; count++) {
    const backend = picker.pick({ key, mayPick: (each) => pool.mayPick(each) });
    if (backend !== undefined) slots.add(backend.slot);
  }
  return [...slots].sort();
}

const versions = (): TestPool =>
  new TestPool(labelled([{ v: "1", stage: "x" }, { v: "2", stage: "x" }, { v: "2" }, undefined]));

test("a part of a pool is what has the labels that are asked for, by a set of keys that is selected", () => {
  const pool = versions();
  assert.deepEqual(slotsOf(rule({}), pool, { v: "2" }), [1, 2]);
  assert.deepEqual(slotsOf(rule({}), pool, { v: "2", stage: "x" }), [1]);
  // Nobody selects by the stage alone.
  assert.deepEqual(slotsOf(rule({}), pool, { stage: "x" }), []);
  assert.deepEqual(slotsOf(rule({}), pool), []);
  assert.deepEqual(slotsOf(rule({ otherwise: "any" }), pool, { v: "3" }), [0, 1, 2, 3]);
  assert.deepEqual(slotsOf(rule({ otherwise: "usual", usual: json({ v: "1" }) }), pool), [0]);
  pool.refuse([pool.backends[1]!, pool.backends[2]!]);
  assert.deepEqual(slotsOf(rule({ otherwise: "any" }), pool, { v: "2" }), [], "the part is there");
});

test("each selector has its own way on where no backend has the values: nobody, any, the usual part, or fewer keys", () => {
  const pool = versions();
  const asked = { v: "9", stage: "x" };
  const way = (otherwise: NonNullable<SubsetRule["selectors"][number]["otherwise"]>): readonly number[] =>
    slotsOf(
      rule({
        otherwise: "any",
        usual: json({ v: "1" }),
        selectors: [
          { keys: ["stage"] },
          { keys: ["v"], otherwise: "none" },
          { keys: ["v", "stage"], otherwise },
        ],
      }),
      pool,
      asked,
    );
  assert.deepEqual(way("none"), []);
  assert.deepEqual(way("any"), [0, 1, 2, 3]);
  assert.deepEqual(way("usual"), [0]);
  assert.deepEqual(way({ keys: ["stage"] }), [0, 1]);
  assert.deepEqual(way({ keys: ["v"] }), [], "and then that of the selector with fewer keys");
});

test("any backend may be had where the fallback finds none, if that is asked for; never in place of nobody", () => {
  const pool = versions();
  pool.refuse([pool.backends[0]!]);
  const usual = json({ v: "1" });
  assert.deepEqual(slotsOf(rule({ otherwise: "usual", usual }), pool), []);
  assert.deepEqual(slotsOf(rule({ otherwise: "usual", usual, anyAtLast: true }), pool), [1, 2, 3]);
  assert.deepEqual(slotsOf(rule({ anyAtLast: true }), pool), []);
});

test("a list among labels is one value, or each of its values", () => {
  const pool = new TestPool(
    labelled([
      { v: ["1", "2"], stage: ["x", "y"] },
      { v: "2", stage: "x" },
    ]),
  );
  assert.deepEqual(slotsOf(rule({}), pool, { v: "2" }), [1]);
  assert.deepEqual(slotsOf(rule({}), pool, { v: ["1", "2"] }), [0]);
  const any = { listsAsAny: true } as const;
  assert.deepEqual(slotsOf(rule(any), pool, { v: "2" }), [0, 1]);
  assert.deepEqual(slotsOf(rule(any), pool, { v: "2", stage: "y" }), [0]);
  assert.deepEqual(slotsOf(rule({ ...any, otherwise: "usual", usual: json({ v: "1" }) }), pool), [0]);
});

test("labels beyond those of a selector keep a route from its part, unless they are to be ignored", () => {
  const pool = versions();
  const asked = { v: "1", colour: "red" };
  assert.deepEqual(slotsOf(rule({}), pool, asked), []);
  assert.deepEqual(slotsOf(rule({ ignoresOthers: true }), pool, asked), [0]);
});

test("a route may list what else it would take, in turn, where the cluster heeds that", () => {
  const pool = versions();
  const asked = { v: "9", fallback_list: [{ v: "8" }, { v: "1", stage: "x" }, { v: "2" }] };
  assert.deepEqual(slotsOf(rule({}), pool, asked), []);
  assert.deepEqual(slotsOf(rule({ listsFallbacks: true }), pool, asked), [0]);
  pool.refuse([pool.backends[0]!]);
  assert.deepEqual(slotsOf(rule({ listsFallbacks: true }), pool, asked), [1, 2]);
  const without = { v: "2", fallback_list: "nothing" };
  assert.deepEqual(slotsOf(rule({ listsFallbacks: true }), pool, without), [1, 2]);
});

test("localities weigh less in a part by how few of their backends are in it, where that is asked for", () => {
  const backends = placedBackends(equalWeights(8)).map((backend, index) => ({
    ...backend,
    locality: { name: index < 4 ? "a" : "b", weight: 100 },
    ...(index !== 0 && index !== 4 && index !== 5 && index !== 6 ? {} : { labels: json({ v: "1" }) }),
  }));
  const pool = new TestPool(backends);
  const shareOfA = (more: Partial<SubsetRule>): number => {
    const picker = createPoolPicker({ ...rule(more), localities: { by: "weight" } }, pool.inputs);
    const key = { ...pool.key, subset: json({ v: "1" }) };
    let count = 0;
    for (let pick = 0; pick < 4_000; pick++)
      if (picker.pick({ key, mayPick: () => true })!.locality!.name === "a") count++;
    return count / 40;
  };
  assert.ok(Math.abs(shareOfA({}) - 50) < 4);
  assert.ok(Math.abs(shareOfA({ scalesLocalities: true }) - 25) < 4);
});
