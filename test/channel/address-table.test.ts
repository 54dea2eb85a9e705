import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createAddressTable,
  giveBackOfWorker,
  lockSet,
  openAddressTable,
  placesPerSet,
  unlockSet,
} from "../../src/channel/address-table.ts";

test("a table has room for twice what it is to remember, within bounds", () => {
  const placesFor = (remembered: number): number =>
    openAddressTable(createAddressTable(remembered, 2, 0)).sets * placesPerSet;
  assert.equal(placesFor(1), 65_536);
  assert.equal(placesFor(32_768), 65_536);
  assert.equal(placesFor(32_769), 131_072);
  assert.equal(placesFor(262_144), 524_288);
  assert.equal(placesFor(1_000_000), 2_097_152);
  assert.equal(placesFor(2_000_000), 4_194_304);
  assert.equal(placesFor(2 ** 31), 4_194_304);
});

test("the parts of a table lie side by side and fill it", () => {
  const memory = createAddressTable(1, 3, -5);
  const { seed, locks, used, keys, open, fullAt, ownOpen } = openAddressTable(memory);
  assert.equal(seed, -5);
  assert.equal(ownOpen.length, 3);
  const parts = [fullAt, locks, used, keys, open, ...ownOpen];
  let end = 16;
  for (const part of parts) {
    assert.equal(part.byteOffset, end);
    end += part.byteLength;
  }
  assert.equal(memory.byteLength, end);
});

test("what a dead worker had open is given back, with the locks that it held, and no other's", () => {
  const memory = createAddressTable(1, 2, 0);
  const table = openAddressTable(memory);
  table.open[7] = 5;
  table.ownOpen[0]![7] = 3;
  table.ownOpen[1]![7] = 2;
  lockSet(table, 4, 1);
  lockSet(table, 5, 2);
  giveBackOfWorker(memory, 1);
  assert.equal(table.open[7], 2);
  assert.deepEqual([table.ownOpen[0]![7], table.ownOpen[1]![7]], [0, 2]);
  assert.deepEqual([table.locks[4], table.locks[5]], [0, 2]);
  lockSet(table, 4, 2);
  unlockSet(table, 4);
  giveBackOfWorker(memory, 1);
  assert.equal(table.open[7], 2);
});
