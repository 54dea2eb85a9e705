import assert from "node:assert/strict";
import { test } from "node:test";
import {
  backendFlag,
  createSharedMemory,
  mayBePicked,
  obstacleOf,
  openConnections,
  openOrComing,
  stateOf,
} from "../../src/channel/memory.ts";

test("a connection on its way to a worker counts, and so does one whose worker died with its count", () => {
  const shared = createSharedMemory();
  assert.equal(openOrComing(shared), 0);
  shared.workerOpen[1] = 2;
  shared.process[openConnections] = 1;
  assert.equal(openOrComing(shared), 2);
  shared.process[openConnections] = 3;
  assert.equal(openOrComing(shared), 3);
});

test("whoever may not be picked has an obstacle, which is its state, and nobody else has one", () => {
  const all = Object.values(backendFlag).reduce((sum, flag) => sum | flag, 0);
  for (let flags = 0; flags <= all; flags++) {
    assert.equal(obstacleOf(flags) === undefined, mayBePicked(flags), `flags ${flags}`);
    if (!mayBePicked(flags)) assert.equal(obstacleOf(flags), stateOf(flags));
  }
});

test("what is asked of a backend is said before what was found about it", () => {
  const { down, ejected, draining, trusted } = backendFlag;
  assert.equal(stateOf(0), "up");
  assert.equal(stateOf(down | ejected | draining), "draining");
  assert.equal(stateOf(down | ejected | trusted), "down");
  assert.equal(stateOf(ejected), "ejected");
});
