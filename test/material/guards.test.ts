import assert from "node:assert/strict";
import { test } from "node:test";
import { guardFiles, renewGuard } from "../../src/material/guards.ts";
import type { BasicAuth } from "../../src/model/http/guard.ts";

test("users that the configuration has itself are in no file: nothing is watched or read again", async () => {
  const guard: BasicAuth = {
    kind: "basic",
    name: "auth.a",
    realm: "a",
    users: { source: { kind: "file", file: "Secret a/users", given: "…" }, hashes: new Map() },
  };
  assert.deepEqual(guardFiles(guard), []);
  assert.equal(await renewGuard(guard, () => assert.fail("it was read")), guard);
});
