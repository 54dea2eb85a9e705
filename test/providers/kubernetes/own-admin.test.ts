import assert from "node:assert/strict";
import { test } from "node:test";
import { backendAt } from "../../../src/discovery/backends.ts";
import { OwnAdmin } from "../../../src/providers/kubernetes/own-admin.ts";

test("an endpoint at umay's own admin server is left out, and told once", () => {
  const told: unknown[] = [];
  const admin = new OwnAdmin({ warn: (...given: unknown[]) => void told.push(given) });
  const other = [backendAt("127.0.0.1", 80), backendAt("10.255.0.1", 9901)];
  const all = [...other, backendAt("127.0.0.1", 9901), backendAt("::1", 9901)];
  assert.equal(admin.without("default/a", all), all);
  admin.bind = { kind: "tcp", host: "0.0.0.0", port: 9901 };
  assert.deepEqual(admin.without("default/a", all), other);
  assert.deepEqual(admin.without("default/a", all), other);
  assert.equal(told.length, 1);
  assert.equal(admin.without("default/a", other), other);
  admin.without("default/a", all);
  assert.equal(told.length, 2);
});
