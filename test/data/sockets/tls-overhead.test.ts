import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { TlsOverhead } from "../../../src/data/sockets/tls-overhead.ts";

/** Looks after each step. @returns whether it was too much at any look. */
function watch(steps: readonly (readonly [raw: number, data: number])[]): boolean {
  const raw = { bytesRead: 5_000 };
  const tls = { bytesRead: 0 };
  const overhead = new TlsOverhead(raw, tls);
  return steps.some(([more, data]) => {
    raw.bytesRead += more;
    tls.bytesRead += data;
    return overhead.exceeded(raw, tls);
  });
}

describe("bytes under TLS", () => {
  test("that carry data are never too much, whatever the size of their records", () => {
    const record = fc.integer({ min: 1, max: 16_384 }).map((data) => [data + 30, data] as const);
    fc.assert(fc.property(fc.array(record, { maxLength: 200 }), (records) => !watch(records)));
    assert.equal(watch(Array.from({ length: 20_000 }, () => [31, 1] as const)), false);
  });

  test("that carry none are too much once they are 64 KiB, however slowly they come", () => {
    const updates = (count: number) => Array.from({ length: count }, () => [27, 0] as const);
    assert.equal(watch(updates(2_427)), false);
    assert.equal(watch(updates(2_428)), true);
    assert.equal(
      watch([[10_000_000, 9_000_000], ...updates(2_428)]),
      true,
      "data of before pays for nothing",
    );
  });
});
