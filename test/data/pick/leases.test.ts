import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bellOf } from "../../../src/channel/bells.ts";
import { backendCell, poolCell, sumCells } from "../../../src/channel/counters.ts";
import { countersOf, createCounterMemory } from "../../../src/channel/layout.ts";
import { backendFlag, createSharedMemory } from "../../../src/channel/memory.ts";
import type { NoPick, Wait } from "../../../src/data/decide/wait.ts";
import { Leases } from "../../../src/data/pick/leases.ts";
import type { PlacedBackend } from "../../../src/model/backend.ts";
import type { PlacedPool } from "../../../src/model/snapshot.ts";
import { pickerVariants } from "../../support/pickers.ts";
import { poolHttp } from "../../support/pool-http.ts";

const backends = ["primary", "primary", "backup"].map((tier, slot): PlacedBackend => {
  const target = { kind: "tcp", host: "127.0.0.1", port: 80 + slot } as const;
  const counters = countersOf("backend", slot);
  return {
    address: `127.0.0.1:${80 + slot}`,
    target,
    weight: 1,
    tier: tier === "backup" ? 1 : 0,
    slot,
    counters,
  };
});
const [one, two, spare] = backends as [PlacedBackend, PlacedBackend, PlacedBackend];

const definition: PlacedPool = {
  name: "app",
  picker: { type: "least-connection" },
  http: poolHttp,
  proxyProtocol: undefined,
  slowStart: 0,
  connect: { timeout: 1, attempts: 3, retryBudget: { percent: 20, min: 3 } },
  maxConnectionsPerBackend: 2,
  queue: { size: 10, timeout: 1 },
  warming: false,
  tls: undefined,
  slot: 5,
  counters: countersOf("pool", 5),
  backends,
};

/** One retry at a time. */
const tightConnect = { ...definition.connect, retryBudget: { percent: 0, min: 1 } };

function scene(changes: Partial<PlacedPool> = {}) {
  const shared = createSharedMemory();
  const counters = createCounterMemory();
  const leases = new Leases(
    { ...definition, ...changes },
    { shared, counters, worker: { index: 0, count: 1 }, peers: () => [], want: () => {} },
  );
  return {
    shared,
    counters,
    leases,
    /** The backend, or why there is none. */
    lease(tried: PlacedBackend[] = []): PlacedBackend | Wait | NoPick {
      const pick = leases.take({ clientAddress: "192.0.2.1", serverName: "" }, tried, tried.length > 0);
      if (pick.kind === "leased") return pick.backend;
      return pick.kind === "wait" ? pick.for : pick.reason;
    },
  };
}

describe("a lease", () => {
  for (const { name, spec } of pickerVariants)
    test(`is never one more than a backend may have, with ${name}; backups take over where the others are full`, () => {
      const { shared, lease } = scene({ picker: spec });
      const leased = Array.from({ length: 6 }, () => lease() as PlacedBackend);
      assert.deepEqual(
        leased.slice(0, 4).map(({ tier }) => tier),
        [0, 0, 0, 0],
      );
      assert.deepEqual([...shared.backendActive.subarray(0, 3)], [2, 2, 2]);
      assert.equal(lease(), "room");
    });

  test("that is given back is there for the next one", () => {
    const { shared, counters, leases, lease } = scene();
    const leased = Array.from({ length: 6 }, () => lease() as PlacedBackend);
    leases.release(two);
    assert.equal(lease(), two);
    for (const backend of leased) leases.release(backend);
    assert.deepEqual([...shared.backendActive.subarray(0, 3)], [0, 0, 0]);
    assert.equal(shared.poolActive[5], 0);
    assert.equal(sumCells([counters], definition.counters + poolCell.leased), 7);
    assert.equal(sumCells([counters], definition.counters + poolCell.released), 7);
    assert.equal(sumCells([counters], two.counters + backendCell.leased), 3);
  });

  test("is never one more than the pool may have; one that finds no backend takes no place", () => {
    const { shared, leases, lease } = scene({ maxConnectionsPerBackend: undefined, maxConnections: 3 });
    const leased = Array.from({ length: 3 }, () => lease() as PlacedBackend);
    assert.equal(lease(), "room");
    assert.equal(shared.poolActive[5], 3);
    leases.release(leased[0]!);
    assert.equal(lease([one, two, spare]), "none");
    assert.equal(shared.poolActive[5], 2);
    assert.equal(typeof lease(), "object");
  });

  test("that can't be had is news to nobody: who waits for it would hear of it himself, and look again without end", () => {
    const { shared, leases, lease } = scene({ maxConnections: 7, connect: tightConnect });
    const leased = Array.from({ length: 6 }, () => lease() as PlacedBackend);
    shared.poolWaiting[5] = 1;
    assert.equal(lease(), "room");
    assert.equal(lease([one]), "room");
    leases.release(two);
    shared.poolRetries[5] = 1;
    const before = [...shared.bells];
    for (const expected of ["retry", "retry"]) assert.equal(lease([one]), expected);
    shared.backendFlags[two.slot] = backendFlag.checking;
    shared.backendFlags[one.slot] = backendFlag.down;
    shared.backendFlags[spare.slot] = backendFlag.down;
    assert.equal(lease(), "check");
    assert.deepEqual([...shared.bells], before);
    assert.equal(before[bellOf(5, "room")], 1, "only the release has rung");
    assert.equal(shared.poolActive[5], leased.length - 1);
  });

  test("that can't be had says what to wait for", () => {
    const { shared, lease } = scene();
    for (const { slot } of backends) shared.backendFlags[slot] = backendFlag.down;
    assert.equal(lease(), "none");
    shared.backendFlags[one.slot] = backendFlag.checking;
    assert.equal(lease(), "check");
    shared.backendFlags[one.slot] = backendFlag.checking | backendFlag.down;
    assert.equal(lease(), "none");
    shared.backendFlags[one.slot] = backendFlag.checking;
    shared.backendFlags[two.slot] = 0;
    shared.backendActive[two.slot] = 2;
    assert.equal(lease(), "room");
    assert.equal(lease([two]), "check");
    assert.equal(lease([one, two]), "none");
    shared.backendFlags[spare.slot] = 0;
    assert.equal(lease(), spare);
  });

  test("without a limit is always to be had", () => {
    const { lease } = scene({ maxConnectionsPerBackend: undefined });
    for (let count = 0; count < 1_000; count++) assert.equal(typeof lease(), "object");
  });
});

test("as many retries may be under way as the budget allows, and not one more; it is not spent in vain", () => {
  fc.assert(
    fc.property(fc.nat(100), fc.nat(20), fc.nat(300), (percent, min, active) => {
      const { shared, leases, lease } = scene({
        connect: { ...definition.connect, retryBudget: { percent, min } },
        maxConnectionsPerBackend: undefined,
      });
      const retry = (): PlacedBackend | string => {
        const got = lease([one]);
        // The share stays that of the connections before.
        if (typeof got === "object") Atomics.sub(shared.poolActive, 5, 1);
        return got;
      };
      shared.poolActive[5] = active;
      const most = Math.max(min, Math.floor((active * percent) / 100));
      for (let count = 0; count < most; count++) assert.equal(retry(), two);
      assert.equal(retry(), most === 0 ? "no_retry" : "retry");
      assert.equal(shared.poolRetries[5], most);
      if (most === 0) return;
      leases.endRetry();
      for (const { slot } of [two, spare]) shared.backendFlags[slot] = backendFlag.down;
      assert.equal(retry(), "none");
      assert.equal(shared.poolRetries[5], most - 1);
    }),
    { numRuns: 50 },
  );
});
