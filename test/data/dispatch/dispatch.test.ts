import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { backendFlag } from "../../../src/channel/memory.ts";
import { Dispatch, type DispatchOwner } from "../../../src/data/dispatch/dispatch.ts";
import type { ServedPool } from "../../../src/data/dispatch/pool.ts";
import { nobody } from "../../../src/data/sockets/owner.ts";
import type { Upstream } from "../../../src/data/upstream/upstream.ts";
import type { PlacedBackend } from "../../../src/model/backend.ts";
import type { EndReason } from "../../../src/model/reasons.ts";
import { FakePlane, fakeBackends, fakePool, muchLater } from "../../support/fake-plane.ts";
import type { FakeSocket } from "../../support/fake-socket.ts";

/** Wants an upstream, and notes what it is told. */
class Asker implements DispatchOwner {
  readonly key = { clientAddress: "192.0.2.1", serverName: "" };
  readonly told: (Upstream | EndReason)[] = [];
  readonly dispatch: Dispatch;
  readonly excluded: readonly PlacedBackend[];
  readonly triesOthers: boolean = true;
  readonly deadline: number | undefined;
  dropped = false;

  constructor(
    plane: FakePlane,
    pool: ServedPool,
    excluded: readonly PlacedBackend[] = [],
    deadline?: number,
  ) {
    this.excluded = excluded;
    this.deadline = deadline;
    this.dispatch = new Dispatch(plane, pool, this);
    this.dispatch.begin();
  }

  introduction(): Buffer {
    return Buffer.from("PROXY\n");
  }

  got(upstream: Upstream): void {
    this.told.push(upstream);
    upstream.socket.owner = nobody;
  }

  ended(reason: EndReason): void {
    this.told.push(reason);
  }

  drop(): void {
    this.dropped = true;
    this.dispatch.drop();
  }
}

const noLimit = { maxConnectionsPerBackend: undefined } as const;

describe("a dispatch", () => {
  test("has its upstream as soon as TCP is connected, or TLS where the pool has it", () => {
    for (const secure of [false, true]) {
      const plane = new FakePlane();
      const asker = new Asker(plane, plane.pool({ proxyProtocol: "v1" }, secure));
      plane.dialled[0]!.connect("connect");
      assert.deepEqual(plane.dialled[0]!.written.map(String), ["PROXY\n"]);
      assert.equal(asker.told.length, secure ? 0 : 1);
      plane.dialled[1]?.connect("secureConnect");
      assert.equal((asker.told[0] as Upstream).backend, fakeBackends[0]);
      assert.equal(asker.dispatch.connectTook, asker.dispatch.attempts[0]!.took);
      asker.drop();
      plane.isEmpty();
    }
  });

  test("takes the next best backend after a failure, as often as the pool allows", () => {
    const plane = new FakePlane();
    const asker = new Asker(plane, plane.pool());
    plane.dialled[0]!.fail("ECONNREFUSED");
    asker.dispatch.endIfOverdue(muchLater());
    asker.dispatch.vacate();
    assert.deepEqual(asker.told, ["connect_failed"]);
    assert.deepEqual(
      asker.dispatch.attempts.map(({ backend, error }) => [backend.slot, error]),
      [
        [0, "ECONNREFUSED"],
        [1, "timeout"],
        [2, "drained"],
      ],
    );
    plane.isEmpty();
  });

  test("ends at once where another backend would not help", () => {
    const plane = new FakePlane();
    const asker = new Asker(plane, plane.pool());
    plane.dialled[0]!.fail("EMFILE");
    assert.deepEqual(asker.told, ["connect_failed"]);
    assert.equal(plane.dialled.length, 1);
  });

  test("does not pick what the same request failed on, and is no retry for that", () => {
    const plane = new FakePlane();
    const [one, two, three] = fakeBackends as [PlacedBackend, PlacedBackend, PlacedBackend];
    const asker = new Asker(plane, plane.pool(noLimit), [one, two]);
    assert.equal(asker.dispatch.upstream?.backend, three);
    assert.equal(plane.shared.poolRetries[0], 0);
    const over = new Asker(plane, plane.pool(noLimit), [one, two, three]);
    assert.deepEqual(over.told, ["no_backend"]);
    asker.drop();
    plane.isEmpty();
  });

  test("ends by its deadline, connecting or waiting, and begins no other attempt", () => {
    const plane = new FakePlane();
    const pool = plane.pool();
    const deadline = performance.now() - 1;
    const connecting = [0, 1, 2].map(() => new Asker(plane, pool, [], deadline));
    const waiting = new Asker(plane, pool, [], deadline);
    assert.equal(waiting.dispatch.waiting, true);
    for (const { dispatch } of [waiting, ...connecting]) dispatch.endIfOverdue(performance.now());
    assert.deepEqual(waiting.told, ["queue_timeout"]);
    for (const { told } of connecting) assert.deepEqual(told, ["connect_failed"]);
    assert.equal(plane.dialled.length, 3);
    plane.isEmpty();
  });

  test("waits where all are full, in order, and ends where nobody may wait or for too long", () => {
    const plane = new FakePlane();
    const pool = plane.pool();
    const served = [0, 1, 2].map(() => new Asker(plane, pool));
    const [first, second, refused] = [0, 1, 2].map(() => new Asker(plane, pool)) as [Asker, Asker, Asker];
    assert.deepEqual(refused.told, ["queue_full"]);
    served[1]!.drop();
    pool.queue.serve();
    assert.equal(first.dispatch.upstream?.backend, fakeBackends[1]);
    assert.ok(first.dispatch.queueTook > 0);
    second.dispatch.endIfOverdue(muchLater());
    assert.deepEqual(second.told, ["queue_timeout"]);
    for (const asker of [...served, first]) asker.drop();
    plane.isEmpty();
  });

  test("hears a bell when a place comes free", async () => {
    const plane = new FakePlane();
    const pool = plane.pool();
    const served = [0, 1, 2].map(() => new Asker(plane, pool));
    const waiting = new Asker(plane, pool);
    const keepAlive = setInterval(() => {}, 1_000);
    served[2]!.drop();
    while (waiting.dispatch.upstream === undefined) await new Promise((resolve) => setImmediate(resolve));
    clearInterval(keepAlive);
    assert.equal(waiting.dispatch.upstream.backend, fakeBackends[2]);
    for (const asker of [...served, waiting]) asker.drop();
    plane.isEmpty();
  });

  test("says why it found none: nothing may be picked, or no retry is allowed", () => {
    const plane = new FakePlane();
    for (const { slot } of fakeBackends) plane.shared.backendFlags[slot] = backendFlag.down;
    const none = new Asker(plane, plane.pool());
    assert.deepEqual(none.told, ["no_backend"]);
    assert.deepEqual(none.dispatch.skipped?.length, 3);
    for (const { slot } of fakeBackends) plane.shared.backendFlags[slot] = 0;
    const connect = { ...fakePool.connect, retryBudget: { percent: 0, min: 0 } };
    const asker = new Asker(plane, plane.pool({ connect }));
    plane.dialled[0]!.fail("ECONNRESET");
    assert.deepEqual(asker.told, ["retry_budget"]);
    plane.isEmpty();
  });
});

/** Events that may happen to the n-th socket or dispatch, whatever it is doing. */
const events = {
  ask: (scene: Scene) => scene.ask(),
  connected: (scene: Scene, which: number) => scene.socket(which)?.connect("connect"),
  secured: (scene: Scene, which: number) => scene.socket(which)?.connect("secureConnect"),
  refused: (scene: Scene, which: number) => scene.socket(which)?.fail("ECONNREFUSED"),
  noFiles: (scene: Scene, which: number) => scene.socket(which)?.fail("EMFILE"),
  closed: (scene: Scene, which: number) => scene.socket(which)?.close(),
  early: (scene: Scene, which: number) => scene.asker(which)?.dispatch.endIfOverdue(performance.now()),
  late: (scene: Scene, which: number) => scene.asker(which)?.dispatch.endIfOverdue(muchLater()),
  vacated: (scene: Scene, which: number) => scene.vacate(which),
  dropped: (scene: Scene, which: number) => scene.asker(which)?.drop(),
  bell: (scene: Scene) => scene.pool.queue.serve(),
  down: (scene: Scene, which: number) => scene.flag(which, backendFlag.down),
  checking: (scene: Scene, which: number) => scene.flag(which, backendFlag.checking),
  up: (scene: Scene, which: number) => scene.flag(which, 0),
  fewer: (scene: Scene, which: number) => scene.change(fakeBackends.slice(which % 3)),
} as const;

class Scene {
  readonly plane = new FakePlane();
  readonly pool: ServedPool;
  readonly askers: Asker[] = [];

  constructor(secure: boolean, most: number | undefined) {
    this.pool = this.plane.pool({ maxConnectionsPerBackend: most }, secure);
  }

  ask(): void {
    if (this.askers.length < 8) this.askers.push(new Asker(this.plane, this.pool));
  }

  asker(which: number): Asker | undefined {
    return this.askers[which % this.askers.length];
  }

  /** Of the newest six, counted from the newest. */
  socket(which: number): FakeSocket | undefined {
    const newest = this.plane.dialled.slice(-6);
    return newest.at(-1 - (which % newest.length));
  }

  vacate(which: number): void {
    const asker = this.asker(which);
    if (asker?.dispatch.upstream !== undefined && asker.told.length === 0) asker.dispatch.vacate();
  }

  flag(which: number, flags: number): void {
    this.plane.shared.backendFlags[which % 3] = flags;
  }

  change(backends: readonly PlacedBackend[]): void {
    this.pool.prepare({ ...this.pool.definition, backends })();
  }

  /** The leases and messages of every dispatch fit its state, and the leases add up to the places taken. */
  check(): void {
    const leases = [0, 0, 0];
    const live = new Set<unknown>();
    for (const { dispatch, told, dropped } of this.askers) {
      const { upstream, waiting } = dispatch;
      if (upstream !== undefined) leases[upstream.backend.slot]!++;
      if (upstream !== undefined) live.add(upstream.raw).add(upstream.socket);
      assert.ok(told.length <= 1, "told twice");
      const got = typeof told[0] === "object";
      if (dropped || (told.length === 1 && !got)) assert.ok(upstream === undefined && !waiting);
      else assert.equal(got || !waiting, upstream !== undefined);
    }
    const waiting = this.askers.filter(({ dispatch }) => dispatch.waiting).length;
    this.plane.holds({ leases, waiting });
    for (const socket of this.plane.dialled)
      assert.ok(live.has(socket) || socket.destroyed, "a socket was left open");
  }

  finish(): void {
    for (const asker of this.askers) {
      const told = asker.told.length;
      asker.drop();
      assert.equal(asker.told.length, told, "told after it was dropped");
    }
    for (const socket of this.plane.dialled) socket.close();
    this.plane.isEmpty();
  }
}

test("whatever happens in whatever order, a dispatch answers once and leaves nothing behind", () => {
  const names = Object.keys(events) as (keyof typeof events)[];
  const event = fc.tuple(
    fc.oneof(fc.constant("ask" as const), fc.constant("connected" as const), fc.constantFrom(...names)),
    fc.nat(7),
  );
  const most = fc.constantFrom(undefined, 1, 2);
  fc.assert(
    fc.property(fc.boolean(), most, fc.array(event, { maxLength: 60 }), (secure, limit, happened) => {
      const scene = new Scene(secure, limit);
      for (const [name, which] of happened) {
        events[name](scene, which);
        scene.check();
      }
      scene.finish();
    }),
    { numRuns: 3_000 },
  );
});
