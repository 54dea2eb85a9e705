import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decideRetry, type FailedTry, mostKept } from "../../../../src/data/decide/http/retry.ts";
import {
  idempotentMethods,
  type RetryPolicy,
  retryTriggerList,
  retryTriggers,
  safeRetries,
  triggerOfCall,
} from "../../../../src/model/http/retry.ts";

const all: RetryPolicy = {
  attempts: 3,
  on: retryTriggerList,
  statuses: [503],
  methods: idempotentMethods,
  buffer: 1_024,
  backoff: { base: 25, max: 250 },
};

const failed: FailedTry = {
  trigger: "reset",
  method: "GET",
  retries: 0,
  isWhole: true,
  left: Number.POSITIVE_INFINITY,
};

const decide = (
  changes: Partial<FailedTry>,
  policy: RetryPolicy = all,
  random = 0.5,
): ReturnType<typeof decideRetry> => decideRetry(policy, { ...failed, ...changes }, () => random);

describe("whether a request is sent once more", () => {
  test("says why not", () => {
    assert.deepEqual(decide({ trigger: 500 }), { kind: "unasked" });
    assert.deepEqual(decide({ trigger: "reset" }, safeRetries), { kind: "unasked" });
    assert.deepEqual(decide({ method: "POST" }), { kind: "give-up", why: "method" });
    assert.deepEqual(decide({ method: "POST", trigger: 503 }), { kind: "give-up", why: "method" });
    assert.deepEqual(decide({ retries: 3 }), { kind: "give-up", why: "attempts" });
    assert.deepEqual(decide({ isWhole: false }), { kind: "give-up", why: "body" });
    assert.deepEqual(decide({ left: 12 }), { kind: "give-up", why: "deadline" });
  });

  test("makes a call of gRPC again for a status that is named, whatever its method", () => {
    const policy: RetryPolicy = { ...safeRetries, on: ["grpc-unavailable"] };
    const call = { method: "POST", trigger: "grpc-unavailable" } as const;
    assert.deepEqual(decide(call, policy, 0), { kind: "again", wait: 0 });
    assert.deepEqual(decide({ ...call, trigger: "grpc-internal" }, policy), { kind: "unasked" });
    assert.deepEqual(decide(call, safeRetries), { kind: "unasked" });
    assert.deepEqual(decide({ ...call, isWhole: false }, policy), { kind: "give-up", why: "body" });
    const kept = (isCall: boolean): number =>
      mostKept({ ...policy, buffer: 1_000 }, "POST", false, isCall ? {} : undefined);
    assert.deepEqual([kept(true), kept(false)], [1_000, 0]);
    assert.deepEqual([1, 4, 8, 13, 14, 0, 2, 16].map(triggerOfCall), [
      "grpc-cancelled",
      "grpc-deadline-exceeded",
      "grpc-resource-exhausted",
      "grpc-internal",
      "grpc-unavailable",
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("waits for a random part of a time that doubles, unless the backend is not to be blamed", () => {
    const waits = [0, 1, 2].map((retries) => decide({ retries }, all, 1));
    assert.deepEqual(
      waits,
      [25, 50, 100].map((wait) => ({ kind: "again", wait })),
    );
    const slow = { ...all, attempts: 10 };
    assert.deepEqual(decide({ retries: 9 }, slow, 1), { kind: "again", wait: 250 });
    assert.deepEqual(decide({ trigger: "try-timeout" }, all, 0), { kind: "again", wait: 0 });
    for (const trigger of ["reused-reset", "refused-stream"] as const)
      assert.deepEqual(decide({ trigger, retries: 2 }, all, 1), { kind: "again", wait: 0 });
  });

  test("never lets a method be sent twice that the policy does not name, once a backend may have had it", () => {
    fc.assert(
      fc.property(
        fc.record({
          trigger: fc.oneof(fc.constantFrom(...retryTriggerList), fc.integer({ min: 400, max: 599 })),
          method: fc.constantFrom("GET", "POST", "PATCH", "PUT"),
          retries: fc.nat(4),
          isWhole: fc.boolean(),
          left: fc.constantFrom(0, 10, Number.POSITIVE_INFINITY),
        }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom(all, safeRetries, { ...all, methods: ["POST"] }),
        (tried, random, policy) => {
          const decision = decideRetry(policy, tried, () => random);
          if (decision.kind !== "again") return;
          const { trigger, method, retries, left } = tried;
          if (typeof trigger === "number" || retryTriggers[trigger].byMethod)
            assert.ok(policy.methods.includes(method));
          // Nobody has looked at what is refused.
          const most = trigger === "refused-stream" ? 5 : policy.attempts;
          assert.ok(tried.isWhole && retries < most && decision.wait < left);
          assert.ok(decision.wait >= 0 && decision.wait <= policy.backoff.max);
        },
      ),
    );
  });
});
