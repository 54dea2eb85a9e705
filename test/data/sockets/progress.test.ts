import assert from "node:assert/strict";
import { test } from "node:test";
import { Progress } from "../../../src/data/sockets/progress.ts";

test("a socket stalls while bytes wait and none of them moves, however many more join them", () => {
  const progress = new Progress();
  const looks: readonly (readonly [now: number, written: number, waiting: number, stalled: number])[] = [
    [0, 0, 0, 0],
    [100, 50, 0, 0],
    [200, 90, 40, 0],
    [300, 95, 45, 100],
    [400, 95, 45, 200],
    [500, 95, 44, 0],
    [600, 195, 144, 100],
    [700, 195, 0, 0],
    [9_000, 200, 5, 0],
    [9_100, 200, 5, 100],
  ];
  for (const [now, bytesWritten, writableLength, stalled] of looks)
    assert.equal(progress.stalled({ bytesWritten, writableLength }, now), stalled, `at ${now}`);
});
