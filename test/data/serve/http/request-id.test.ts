import assert from "node:assert/strict";
import { test } from "node:test";
import { createRequestId } from "../../../../src/data/serve/http/request-id.ts";

/** In milliseconds, between two clocks of the system. */
const rounding = 3;

const uuid = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("ids of requests are UUIDs of version 7, no two alike, and sort by time", () => {
  const before = Date.now();
  const ids = Array.from({ length: 5_000 }, createRequestId);
  const after = Date.now();
  assert.equal(new Set(ids).size, ids.length);
  let last = 0;
  for (const id of ids) {
    const [, high = "", low = ""] = uuid.exec(id) ?? assert.fail(id);
    const time = Number.parseInt(high + low, 16);
    assert.ok(time >= before - rounding && time <= after + rounding && time >= last, id);
    last = time;
  }
});

test("all digits of an id that are not fixed are drawn", () => {
  const seen = Array.from({ length: 36 }, () => new Set<string>());
  for (let count = 0; count < 5_000; count++)
    for (const [at, digit] of [...createRequestId()].entries()) seen[at]!.add(digit);
  const drawn = seen.slice(15).map(({ size }) => size);
  assert.deepEqual(drawn, [...Array(3).fill(16), 1, 4, ...Array(3).fill(16), 1, ...Array(12).fill(16)]);
});
