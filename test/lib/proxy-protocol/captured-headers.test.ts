import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { captures, mutationsOf } from "../../support/captures.ts";
import { read, readHeader, readWhole } from "./reading.ts";

const headers = captures("header");

for (const [name, bytes] of headers)
  test(`${name} is read, at once and byte by byte`, () => {
    const { version, command, source } = readHeader(bytes);
    assert.equal(version, name.includes("-v1") ? 1 : 2);
    assert.equal(command, name.includes("local") ? "local" : "proxy");
    assert.equal(
      source?.address,
      name.includes("local") ? undefined : name.includes("ipv6") ? "::1" : "127.0.0.1",
    );
  });

test("no mutation of a real header makes the reader throw, wait for too many bytes, or depend on how they arrive", () => {
  fc.assert(
    fc.property(mutationsOf([...headers.values()]), (bytes) => {
      const outcome = read(bytes);
      if (outcome.kind === "more")
        assert.notEqual(readWhole(Buffer.concat([bytes, Buffer.alloc(4096)])).kind, "more");
      if (outcome.kind === "header") assert.ok(outcome.length <= bytes.length && outcome.length <= 4096);
      if (outcome.kind === "malformed") assert.match(outcome.detail, /^[ -~]+$/);
    }),
    { numRuns: 2000 },
  );
});
