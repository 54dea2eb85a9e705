import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { addUpTo, bellOf, ringNews, ringRoom } from "../../src/channel/bells.ts";
import { layout } from "../../src/channel/layout.ts";
import { createSharedMemory, type SharedMemory } from "../../src/channel/memory.ts";
import { patient } from "../support/patience.ts";

test("threads that count in at the same time never exceed the limit", async () => {
  const threads = 3;
  const most = 2;
  const cells = new Int32Array(new SharedArrayBuffer(16));
  cells[2] = threads;
  const peaks = await Promise.all(
    Array.from({ length: threads }, async () => {
      const workerData = { cells, most, rounds: 200_000, patience: patient(10_000) };
      const thread = new Worker(new URL("./bells-child.ts", import.meta.url), { workerData });
      const [[peak]] = await Promise.all([once(thread, "message"), once(thread, "exit")]);
      return peak as number;
    }),
  );
  assert.equal(Math.max(...peaks), most);
  assert.equal(cells[0], 0);
});

test("a limit that was lowered lets nobody in before so many have left", () => {
  const cells = new Int32Array(new SharedArrayBuffer(4));
  for (let count = 0; count < 5; count++) assert.ok(addUpTo(cells, 0, 5));
  assert.ok(!addUpTo(cells, 0, 3));
  Atomics.sub(cells, 0, 3);
  assert.ok(addUpTo(cells, 0, 3));
  assert.ok(!addUpTo(cells, 0, 3));
  assert.ok(!addUpTo(cells, 0, 0));
});

/** Listens for a bell, and notes `name` in `heard` when it is told. */
function listen(shared: SharedMemory, index: number, heard: string[], name: string): void {
  const rung = Atomics.waitAsync(shared.bells, index, Atomics.load(shared.bells, index));
  assert.ok(rung.async);
  void rung.value.then(() => heard.push(name));
}

test("room is told to one listener of the pool, the longest; news to all of them; neither where nobody waits", async () => {
  const shared = createSharedMemory();
  const heard: string[] = [];
  for (const name of ["first", "second"]) {
    listen(shared, bellOf(3, "room"), heard, `${name} room`);
    listen(shared, bellOf(3, "news"), heard, `${name} news`);
  }
  listen(shared, bellOf(2, "news"), heard, "another pool");
  const settle = () => new Promise((resolve) => setTimeout(resolve, 20));
  ringRoom(shared, 3);
  ringNews(shared, 3);
  await settle();
  assert.deepEqual(heard, []);
  shared.poolWaiting[3] = 2;
  ringRoom(shared, 3);
  await settle();
  assert.deepEqual(heard, ["first room"]);
  ringNews(shared, 3);
  await settle();
  assert.deepEqual(heard.toSorted(), ["first news", "first room", "second news"]);
});

test("every pool has bells of its own", () => {
  const bells = Array.from({ length: layout.pool.capacity }, (_, slot) => [
    bellOf(slot, "room"),
    bellOf(slot, "news"),
  ]);
  assert.equal(new Set(bells.flat()).size, 2 * layout.pool.capacity);
  assert.equal(Math.max(...bells.flat()) + 1, createSharedMemory().bells.length);
});
