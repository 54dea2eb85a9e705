import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createCounterMemory } from "../../../src/channel/layout.ts";
import { backendFlag, createSharedMemory, type SharedMemory } from "../../../src/channel/memory.ts";
import { ServedPool } from "../../../src/data/dispatch/pool.ts";
import { explainPool } from "../../../src/data/explain/pool.ts";
import type { PickKey } from "../../../src/data/pick/picker.ts";
import type { PlacedBackend, Skipped } from "../../../src/model/backend.ts";
import type { PoolExplanation } from "../../../src/model/explanation.ts";
import type { PickerSpec } from "../../../src/model/pool.ts";
import type { PlacedPool } from "../../../src/model/snapshot.ts";
import { bytesPerCall } from "../../support/allocation.ts";
import { equalWeights, pickerVariants, placedBackends } from "../../support/pickers.ts";
import { poolHttp } from "../../support/pool-http.ts";

const noBackends: readonly PlacedBackend[] = [];
const client = { clientAddress: "192.0.2.1", serverName: "" };
const counters = createCounterMemory();

/** A pool as a worker has it. */
class Stage {
  readonly shared: SharedMemory = createSharedMemory();
  readonly backends: readonly PlacedBackend[];
  readonly pool: ServedPool;

  /** @param most connections that a backend may have. */
  constructor(picker: PickerSpec, backends: readonly PlacedBackend[], most?: number) {
    this.backends = backends;
    const worker = { index: 0, count: 1 };
    const definition: PlacedPool = {
      name: "p",
      picker,
      backends,
      http: poolHttp,
      proxyProtocol: undefined,
      slowStart: 0,
      tls: undefined,
      connect: { timeout: 1, attempts: 3, retryBudget: { percent: 100, min: 3 } },
      maxConnectionsPerBackend: most,
      queue: { size: 2, timeout: 1 },
      slot: 0,
      warming: false,
      counters: 0,
    };
    this.pool = new ServedPool(definition, {
      shared: this.shared,
      counters,
      worker,
      peers: () => [],
      want: () => {},
    });
  }

  flag(index: number, flags: number): void {
    this.shared.backendFlags[index] = flags;
  }

  explain(picking = client): PoolExplanation {
    return explainPool(this.pool, this.shared, picking);
  }

  #skipped: readonly Skipped[] | undefined;

  /** The backends that the last pick passed over. */
  skipped(): readonly Skipped[] | undefined {
    return this.#skipped;
  }

  /** The backend that a session gets. */
  pick(clientAddress: string, tried: readonly PlacedBackend[] = []): PlacedBackend | undefined {
    return this.take({ clientAddress, serverName: "" }, tried);
  }

  take(key: PickKey, tried: readonly PlacedBackend[]): PlacedBackend | undefined {
    const pick = this.pool.leases.take(key, tried, tried.length > 0);
    this.#skipped = pick.skipped;
    if (pick.kind !== "leased") return undefined;
    this.pool.leases.release(pick.backend);
    return pick.backend;
  }
}

const shares = ({ backends }: PoolExplanation): (number | null)[] => backends.map(({ share }) => share);
const skips = ({ backends }: PoolExplanation): unknown[] => backends.map(({ skipped }) => skipped);

const flags = fc.constantFrom(0, 0, backendFlag.down, backendFlag.ejected, backendFlag.draining);

for (const { name, spec } of pickerVariants)
  test(`${name}: the backend that is told is the one that the next session gets, and so is the next one`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ flags, tier: fc.integer({ min: 0, max: 2 }) }), { minLength: 1, maxLength: 6 }),
        fc.ipV4(),
        (settings, clientAddress) => {
          const placed = placedBackends(equalWeights(settings.length));
          const backends = placed.map((one, index) => ({ ...one, tier: settings[index]!.tier }));
          const stage = new Stage(spec, backends);
          for (const [index, setting] of settings.entries()) stage.flag(index, setting.flags);
          const told = stage.explain({ clientAddress, serverName: "" });
          const candidates = told.backends.filter(({ skipped }) => skipped === null);
          const certain = told.by === "key" || told.by === "turn";
          const first = stage.pick(clientAddress);
          const second = first && stage.pick(clientAddress, [first]);
          if (certain || told.backend !== null) assert.equal(told.backend, first?.address ?? null);
          if (certain || told.next !== null) assert.equal(told.next, second?.address ?? null);
          // Nobody can know which of several it draws, but it is one of those.
          if (first === undefined) assert.deepEqual(candidates, []);
          else assert.ok(candidates.some(({ address }) => address === first.address));
          if (candidates.length === 1) assert.equal(told.backend, first?.address);
        },
      ),
      { numRuns: 20 },
    );
  });

test("explaining does not move a round, however often it is done", () => {
  const stage = new Stage({ type: "round-robin" }, placedBackends([3, 1]));
  for (let turn = 0; turn < 8; turn++) {
    const told = stage.explain();
    assert.deepEqual(told, stage.explain());
    assert.equal(told.backend, stage.pick("192.0.2.1")?.address);
    assert.deepEqual(shares(told), [0.75, 0.25]);
  }
});

/** Shares of a draw are tried out. */
function assertShares(told: PoolExplanation, expected: readonly number[]): void {
  for (const [index, share] of shares(told).entries())
    assert.ok(Math.abs(share! - expected[index]!) <= 0.02, `${shares(told)} for ${expected}`);
}

test("each backend's share of a draw is told, and the same each time", () => {
  const random = new Stage({ type: "random" }, placedBackends([1, 2, 1, 1]));
  random.flag(2, backendFlag.down);
  assertShares(random.explain(), [0.25, 0.5, 0, 0.25]);
  assert.deepEqual(random.explain(), random.explain());
  const two = new Stage({ type: "power-of-two" }, placedBackends([1, 1, 1]));
  two.shared.backendActive[0] = 5;
  assertShares(two.explain(), [0, 0.5, 0.5]);
  assert.equal(two.explain().backends[0]!.connections, 5);
});

test("the least loaded one is certain unless others are as little loaded", () => {
  const stage = new Stage({ type: "least-connection" }, placedBackends([1, 1, 1]));
  assert.deepEqual([stage.explain().backend, shares(stage.explain())], [null, [0.33, 0.33, 0.33]]);
  stage.shared.backendActive.set([2, 0, 1]);
  const told = stage.explain();
  assert.deepEqual([told.backend, told.next], ["10.0.0.1:443", "10.0.0.2:443"]);
  assert.deepEqual(shares(told), [0, 1, 0]);
});

test("a key is the server name where that is hashed and there is one, else the client's address", () => {
  const spec = { type: "consistent-hash", algorithm: "maglev", boundedLoad: undefined } as const;
  const stage = new Stage({ ...spec, key: "sni" }, placedBackends([1, 1]));
  assert.equal(stage.explain({ clientAddress: "10.0.0.1", serverName: "a.test" }).key, "a.test");
  assert.equal(stage.explain({ clientAddress: "10.0.0.1", serverName: "" }).key, "10.0.0.1");
  assert.deepEqual(shares(stage.explain()), [null, null]);
});

test("each backend that can't be picked says why: its state, or that one of a lower tier may be picked", () => {
  const backends = placedBackends(equalWeights(5)).map((one) => ({ ...one, tier: one.slot === 4 ? 1 : 0 }));
  const stage = new Stage({ type: "round-robin" }, backends);
  stage.flag(0, backendFlag.down);
  stage.flag(1, backendFlag.ejected);
  stage.flag(2, backendFlag.draining | backendFlag.down);
  assert.deepEqual(skips(stage.explain()), ["down", "ejected", "draining", null, "standby"]);
  stage.flag(3, backendFlag.down);
  assert.deepEqual(skips(stage.explain()), ["down", "ejected", "draining", "down", null]);
  assert.equal(stage.explain().backend, "10.0.0.4:443");
});

test("where health is ignored, backends are candidates and still said to be down", () => {
  const stage = new Stage({ type: "round-robin" }, placedBackends([1, 1]));
  for (const index of [0, 1]) stage.flag(index, backendFlag.down | backendFlag.trusted);
  const told = stage.explain();
  assert.deepEqual([told.fails_open, skips(told)], [true, [null, null]]);
  assert.deepEqual(
    told.backends.map(({ state }) => state),
    ["down", "down"],
  );
});

test("a full backend is skipped, and where all are full, or not checked yet, a session waits", () => {
  const stage = new Stage({ type: "round-robin" }, placedBackends([1, 1]), 2);
  stage.shared.backendActive[0] = 2;
  assert.deepEqual([skips(stage.explain()), stage.explain().waits], [["full", null], null]);
  stage.shared.backendActive[1] = 2;
  assert.deepEqual([skips(stage.explain()), stage.explain().waits], [["full", "full"], "room"]);
  stage.shared.backendActive.fill(0);
  for (const index of [0, 1]) stage.flag(index, backendFlag.checking);
  assert.deepEqual([skips(stage.explain()), stage.explain().waits], [["checking", "checking"], "check"]);
  for (const index of [0, 1]) stage.flag(index, backendFlag.down);
  assert.deepEqual([skips(stage.explain()), stage.explain().waits], [["down", "down"], null]);
});

test("a pick notes whom it passed over, once each and not more than eight, and nothing where it passed over nobody", () => {
  const stage = new Stage({ type: "round-robin" }, placedBackends(equalWeights(12)));
  assert.equal(stage.pick("192.0.2.1")?.slot, 0);
  assert.equal(stage.skipped(), undefined);
  stage.flag(1, backendFlag.down);
  stage.flag(2, backendFlag.draining);
  assert.equal(stage.pick("192.0.2.1")?.slot, 3);
  const [one, two] = stage.backends.slice(1, 3).map(({ address }) => address);
  assert.deepEqual(stage.skipped(), [
    { backend: one, why: "down" },
    { backend: two, why: "draining" },
  ]);
  for (let index = 0; index < 12; index++) stage.flag(index, backendFlag.ejected);
  assert.equal(stage.pick("192.0.2.1"), undefined);
  assert.equal(stage.skipped()!.length, 8);
  assert.equal(new Set(stage.skipped()!.map(({ backend }) => backend)).size, 8);
});

test("noting costs a pick nothing while nobody is passed over", () => {
  const stage = new Stage({ type: "power-of-two" }, placedBackends(equalWeights(20)));
  const bytes = bytesPerCall((times) => {
    for (let time = 0; time < times; time++) stage.take(client, noBackends);
  });
  assert.ok(bytes < 1, `${bytes} bytes`);
});
