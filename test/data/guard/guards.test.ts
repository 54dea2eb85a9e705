import assert from "node:assert/strict";
import { test } from "node:test";
import { createCounterMemory } from "../../../src/channel/layout.ts";
import type { GuardedRequest, Step } from "../../../src/data/guard/step.ts";
import type { Guard, RateLimit } from "../../../src/model/http/guard.ts";
import type { PlacedGuard } from "../../../src/model/snapshot.ts";
import { placedGuard } from "../../support/placed-guard.ts";
import { servedGuards } from "../../support/served-guards.ts";

const limit: RateLimit = {
  kind: "rate-limit",
  name: "rate_limits.x",
  key: [[{ kind: "route" }]],
  rate: { requests: 1, period: 3_600_000 },
  burst: 1,
  concurrent: undefined,
  keys: 1,
  fields: "never",
};
const closed: Guard = { kind: "mtls", name: "auth.m", allow: undefined };

const request: GuardedRequest = {
  connection: { tls: undefined } as unknown as GuardedRequest["connection"],
  client: "192.0.2.1",
  route: "r",
  passage: undefined,
  header: () => undefined,
  queryValue: () => undefined,
};

const verdictOf = (step: Step): string => step.judge(request, { settle: () => assert.fail("it waits") }).kind;

test("a guard stays the same object while there is one of its name, and what it counted stays", () => {
  const guards = servedGuards(createCounterMemory());
  const placed = placedGuard(limit, 0) as Extract<PlacedGuard, { kind: "rate-limit" }>;
  guards.prepare(placed)();
  const [[step]] = guards.stepsOf([["rate_limits.x"]]) as [[Step]];
  assert.equal(verdictOf(step), "pass");
  assert.equal(verdictOf(step), "refuse");
  // As a worker gets it with a table that changed: the same memory, in another object.
  guards.prepare(structuredClone({ ...placed, fields: "never" }))();
  assert.equal(verdictOf(step), "refuse");
  guards.prepare({ ...placed, burst: 3 })();
  assert.equal(verdictOf(step), "pass");
  assert.equal(guards.stepsOf([["rate_limits.x"]])[0]![0], step);
});

test("nothing changes before a change is put in place, and a guard may become one of another kind", () => {
  const guards = servedGuards(createCounterMemory());
  guards.prepare(placedGuard({ ...limit, name: "auth.m" }, 0))();
  const [[step]] = guards.stepsOf([["auth.m"]]) as [[Step]];
  const commit = guards.prepare(placedGuard(closed, 0));
  assert.equal(verdictOf(step), "pass");
  commit();
  assert.equal(verdictOf(step), "refuse");
  guards.keep(new Set());
  guards.prepare(placedGuard(closed, 0))();
  assert.notEqual(guards.stepsOf([["auth.m"]])[0]![0], step);
});
