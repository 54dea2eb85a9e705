import assert from "node:assert/strict";
import { test } from "node:test";
import { backendCell } from "../../../src/channel/counters.ts";
import { backendFlag, createSharedMemory } from "../../../src/channel/memory.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { BackendDrains } from "../../../src/control/backends/drains.ts";
import { Store } from "../../../src/control/state/store.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { loadModel } from "../../providers/toml/loading.ts";
import { FakeTimers } from "../../support/fake-timers.ts";
import { backendAt } from "./health-scene.ts";

const model = await loadModel(`
  listeners.a = { bind = "127.0.0.9:1", pool = "api" }
  pools.api = { discovery = { type = "static", backends = ["127.0.0.1:1"] } }
  pools.apps = { removal = "drain 30s", discovery = { type = "static", backends = ["127.0.0.1:1"] } }`);

/** Drains over a store of two pools, with the clock, the log and the workers in the test's hands. */
class Scene {
  readonly timers = new FakeTimers();
  readonly shared = createSharedMemory();
  readonly counters = new WorkerCounters(1);
  readonly memory = this.counters.memories[0]!;
  readonly log: string[] = [];
  /** Ports of the backends that were vacated, and when. */
  readonly vacated: string[] = [];
  readonly store: Store;
  readonly drains: BackendDrains;
  /** Backends that were told to be about to return. */
  readonly returned: string[] = [];
  changes = 0;

  constructor() {
    const bound = new Map(
      model.listeners.map(({ name, bind }) => [name, { addresses: [bind], accept: "shared-port" as const }]),
    );
    this.store = new Store(model, bound, this.shared, this.counters);
    this.drains = new BackendDrains({
      store: this.store,
      shared: this.shared,
      memories: [this.memory],
      logger: createLogger({ level: "info" }, { write: (line) => this.#note(line) }),
      timers: this.timers,
      health: {
        returns: (pool, address) => this.returned.push(`${pool} ${address}`),
        refresh: () => this.changes++,
      },
      supervisor: { vacate: (slot) => this.#vacate(slot) },
    });
    this.set("api", 1, 2);
    this.set("apps", 1, 2);
  }

  set(pool: string, ...ports: number[]): void {
    this.store.setBackends(
      pool,
      ports.map((port) => backendAt(port)),
    );
    this.drains.follow(this.store.takeTouched());
  }

  /** @param count of connections that a backend gets. */
  connect(pool: string, port: number, count = 1): void {
    const { slot, counters } = this.store.find(pool, `127.0.0.1:${port}`)!;
    this.memory[counters + backendCell.leased]! += count;
    Atomics.add(this.shared.backendActive, slot, count);
  }

  state(pool: string, port: number): unknown {
    const draining = this.drains.backend(pool, `127.0.0.1:${port}`);
    return draining && { by: draining.by, left: draining.left };
  }

  #vacate(slot: number): void {
    const pools = this.store.observed.pools.flatMap(({ backends }) => backends);
    const { address, counters } = pools.find((backend) => backend.slot === slot)!;
    this.vacated.push(`${this.timers.now()} ${address}`);
    this.memory[counters + backendCell.released] = this.memory[counters + backendCell.leased]!;
    Atomics.store(this.shared.backendActive, slot, 0);
  }

  #note(line: string): void {
    const { level, pool, backend, connections, msg } = JSON.parse(line);
    this.log.push([level, pool, backend, connections, msg].join(" "));
  }
}

const unwrap = (result: ReturnType<BackendDrains["drain" | "undrain"]>): object | string =>
  result.ok || typeof result.error === "string"
    ? result.ok
      ? result.value
      : result.error
    : result.error.message;

test("a backend is drained until it is undrained, and all is said to who asks and in the log", async () => {
  const scene = new Scene();
  scene.connect("api", 2, 3);
  assert.deepEqual(unwrap(scene.drains.drain("api", "127.0.0.1:2", undefined, true)), {
    pool: "api",
    backend: "127.0.0.1:2",
    state: "draining",
    connections: 3,
    deadline_seconds: null,
    warnings: [],
  });
  assert.deepEqual(scene.state("api", 2), { by: "hand", left: undefined });
  assert.deepEqual([scene.state("api", 1), scene.state("apps", 2)], [undefined, undefined]);
  assert.equal(scene.changes, 1);
  await scene.timers.advance(1e9);
  assert.deepEqual(scene.vacated, []);
  assert.deepEqual(unwrap(scene.drains.undrain("api", "127.0.0.1:2")), {
    pool: "api",
    backend: "127.0.0.1:2",
    state: "up",
    connections: 3,
    deadline_seconds: null,
    warnings: [],
  });
  assert.equal(scene.state("api", 2), undefined);
  assert.equal(scene.changes, 2);
  assert.deepEqual(scene.returned, ["api 127.0.0.1:2"]);
  assert.deepEqual(scene.log, [
    "info api 127.0.0.1:2 3 backend is drained by hand",
    "info api 127.0.0.1:2  backend is no longer drained by hand",
  ]);
});

test("what is open at the deadline is ended, and the backend stays drained", async () => {
  const scene = new Scene();
  scene.connect("api", 2, 3);
  scene.drains.drain("api", "127.0.0.1:2", 5_000, true);
  await scene.timers.advance(1_000);
  assert.deepEqual(scene.state("api", 2), { by: "hand", left: 4_000 });
  await scene.timers.advance(10_000);
  assert.deepEqual(scene.vacated, ["5000 127.0.0.1:2"]);
  assert.deepEqual(scene.state("api", 2), { by: "hand", left: 0 });
  assert.equal(
    scene.log.at(-1),
    "warn api 127.0.0.1:2 3 the time of a backend that drains is over; what is still open on it is reset",
  );
});

test("a second drain replaces the deadline, and undrain lifts it", async () => {
  const scene = new Scene();
  for (const port of [1, 2]) scene.connect("api", port);
  scene.drains.drain("api", "127.0.0.1:1", 1_000, true);
  scene.drains.drain("api", "127.0.0.1:1", 2_000, true);
  scene.drains.drain("api", "127.0.0.1:2", 1_000, true);
  scene.drains.drain("api", "127.0.0.1:2", undefined, true);
  scene.connect("apps", 2);
  scene.drains.drain("apps", "127.0.0.1:2", 1_000, true);
  scene.drains.undrain("apps", "127.0.0.1:2");
  await scene.timers.advance(10_000);
  assert.deepEqual(scene.vacated, ["2000 127.0.0.1:1"]);
});

test("draining the last backend that may be picked is warned of, in the answer and in the log", () => {
  const scene = new Scene();
  const { slot } = scene.store.find("api", "127.0.0.1:1")!;
  Atomics.or(scene.shared.backendFlags, slot, backendFlag.down);
  const answer = unwrap(scene.drains.drain("api", "127.0.0.1:2", undefined, true)) as { warnings: string[] };
  const warning = "no backend of pool api may be picked any more: its new sessions are refused";
  assert.deepEqual(answer.warnings, [warning]);
  assert.equal(scene.log.at(-1), `warn api   ${warning}`);
});

test("the last healthy backend of a pool is drained by force only", () => {
  const scene = new Scene();
  const drain = (port: number, force: boolean) =>
    scene.drains.drain("api", `127.0.0.1:${port}`, undefined, force);
  const down = (port: number): void => {
    scene.shared.backendFlags[scene.store.find("api", `127.0.0.1:${port}`)!.slot] = backendFlag.down;
  };
  down(1);
  const refused = drain(2, false);
  assert.ok(!refused.ok && refused.error.kind === "last");
  assert.match(refused.error.message, /^127\.0\.0\.1:2 is the last healthy backend of pool api: .*--force/);
  assert.equal(scene.state("api", 2), undefined);
  // Nobody is worse off without one that is down.
  assert.ok(drain(1, false).ok);
  assert.ok(drain(2, true).ok);
});

test("a drain says why and since when", async () => {
  const scene = new Scene();
  scene.drains.drain("api", "127.0.0.1:2", undefined, true);
  await scene.timers.advance(3_000);
  scene.drains.drain("api", "127.0.0.1:2", 10_000, true);
  assert.deepEqual(scene.drains.backend("api", "127.0.0.1:2"), {
    by: "hand",
    cause: "drained by hand",
    age: 3_000,
    left: 10_000,
  });
});

test("a name that is not there is answered with those that are", () => {
  const scene = new Scene();
  const errors: [pool: string, backend: string, error: string][] = [
    ["apii", "127.0.0.1:1", 'no pool is named apii; pools are api, apps; did you mean "api"?'],
    ["database", "127.0.0.1:1", "no pool is named database; pools are api, apps"],
    [
      "api",
      "127.0.0.1:3",
      'pool api has no backend 127.0.0.1:3; it has 127.0.0.1:1, 127.0.0.1:2; did you mean "127.0.0.1:1"?',
    ],
  ];
  for (const [pool, backend, error] of errors) {
    assert.equal(unwrap(scene.drains.drain(pool, backend, 0, true)), error);
    assert.equal(unwrap(scene.drains.undrain(pool, backend)), error);
  }
  scene.set("api", ...Array.from({ length: 12 }, (_, index) => index + 1));
  assert.match(unwrap(scene.drains.drain("api", "x", 0, true)) as string, /127\.0\.0\.1:10 and 2 more$/);
  assert.deepEqual([scene.changes, scene.log], [0, []]);
});

test("undraining what was not drained, or is not there now, says so", () => {
  const scene = new Scene();
  const warnings = (): string[] =>
    (unwrap(scene.drains.undrain("api", "127.0.0.1:2")) as { warnings: string[] }).warnings;
  assert.deepEqual(warnings(), ["it was not drained by hand"]);
  assert.deepEqual(scene.returned, []);
  scene.drains.drain("api", "127.0.0.1:2", undefined, true);
  scene.set("api", 1);
  scene.store.settle(scene.store.snapshot.version);
  assert.deepEqual(warnings(), ["discovery does not find it now; it gets no sessions until it does"]);
  scene.set("api", 1, 2);
  assert.deepEqual(warnings(), ["it was not drained by hand"]);
});

test("sessions of a backend that left its pool are ended after the pool's time, those of other pools never", async () => {
  const scene = new Scene();
  for (const pool of ["api", "apps"]) {
    scene.connect(pool, 2);
    scene.set(pool, 1);
  }
  assert.deepEqual(scene.state("apps", 2), { by: "discovery", left: 30_000 });
  assert.deepEqual(scene.state("api", 2), { by: "discovery", left: undefined });
  await scene.timers.advance(20_000);
  // Another change does not start the time anew.
  scene.set("apps", 1, 3);
  await scene.timers.advance(100_000);
  assert.deepEqual(scene.vacated, ["30000 127.0.0.1:2"]);
});

test("a backend without a connection that counts is vacated too: sessions may have given its place back", async () => {
  const scene = new Scene();
  scene.drains.drain("api", "127.0.0.1:2", 5_000, true);
  const said = scene.log.length;
  await scene.timers.advance(5_000);
  assert.deepEqual(scene.vacated, ["5000 127.0.0.1:2"]);
  assert.equal(scene.log.length, said);
});

test("a backend that comes back in time keeps its sessions, and has the whole time when it leaves again", async () => {
  const scene = new Scene();
  scene.connect("apps", 2);
  scene.set("apps", 1);
  await scene.timers.advance(29_000);
  scene.set("apps", 1, 2);
  await scene.timers.advance(10_000);
  assert.equal(scene.state("apps", 2), undefined);
  scene.set("apps", 1);
  await scene.timers.advance(29_000);
  assert.deepEqual(scene.vacated, []);
  await scene.timers.advance(1_000);
  assert.deepEqual(scene.vacated, ["69000 127.0.0.1:2"]);
});

test("a backend that is drained by hand and leaves its pool has the shorter of both times", async () => {
  const scene = new Scene();
  for (const port of [1, 2]) scene.connect("apps", port);
  scene.drains.drain("apps", "127.0.0.1:1", 10_000, true);
  scene.drains.drain("apps", "127.0.0.1:2", 50_000, true);
  scene.set("apps", 3);
  assert.deepEqual(scene.state("apps", 1), { by: "hand", left: 10_000 });
  assert.deepEqual(scene.state("apps", 2), { by: "hand", left: 30_000 });
  await scene.timers.advance(40_000);
  assert.deepEqual(scene.vacated, ["10000 127.0.0.1:1", "30000 127.0.0.1:2"]);
  scene.drains.stop();
  assert.equal(scene.timers.waiting, 0);
});
