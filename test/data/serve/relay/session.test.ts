import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { openConnections } from "../../../../src/channel/memory.ts";
import { admit } from "../../../../src/data/accept/admission.ts";
import { Connection } from "../../../../src/data/accept/connection.ts";
import { clock } from "../../../../src/data/clock.ts";
import type { ServedPool } from "../../../../src/data/dispatch/pool.ts";
import { Session } from "../../../../src/data/serve/relay/session.ts";
import type { Chain } from "../../../../src/model/chain.ts";
import type { EndReason } from "../../../../src/model/reasons.ts";
import type { PlacedPool } from "../../../../src/model/snapshot.ts";
import { type Accepting, FakeListener } from "../../../support/fake-listener.ts";
import { FakePlane, muchLater } from "../../../support/fake-plane.ts";
import { FakeSocket } from "../../../support/fake-socket.ts";
import { lingerToTheEnd, mockLingering } from "../../../support/lingering.ts";

interface Settings extends Accepting {
  /** Backends speak TLS. */
  readonly secure?: boolean;
  readonly most?: number | undefined;
  readonly picker?: PlacedPool["picker"];
}

mockLingering();

class RelayingListener extends FakeListener {
  readonly pool: ServedPool;

  constructor(settings: Settings, pool: ServedPool) {
    super(settings);
    this.pool = pool;
  }

  poolNamed(): ServedPool {
    return this.pool;
  }
}

/** A worker with one listener and one pool, from accept to the log. */
class Scene {
  readonly plane = Object.assign(new FakePlane(), {
    serve: (connection: Connection<RelayingListener>, chain: Chain) =>
      void new Session(this.plane, connection, chain),
  });
  readonly listener: RelayingListener;
  readonly pool: ServedPool;
  readonly clients: FakeSocket[] = [];

  constructor(settings: Settings = {}) {
    const { secure = false, most, picker = { type: "round-robin" } } = settings;
    this.pool = this.plane.pool({ maxConnectionsPerBackend: most, picker }, secure);
    this.listener = new RelayingListener(settings, this.pool);
  }

  accept(): void {
    const raw = new FakeSocket();
    const place = admit(this.listener, this.plane, "192.0.2.1")!;
    new Connection(this.plane, this.listener, raw.socket, place);
    // Its hello begins.
    if (this.listener.secures) raw.receive(Buffer.of(22));
    this.clients.push(raw);
  }

  /** The socket that reports to the session: the TLS socket, where there is one. */
  client(which: number): FakeSocket | undefined {
    const raw = this.clients[which % this.clients.length];
    return raw?.over ?? raw;
  }

  /** Of the newest six, counted from the newest. */
  backend(which: number): FakeSocket | undefined {
    const newest = this.plane.dialled.slice(-6);
    return newest.at(-1 - (which % newest.length));
  }

  /** A backend without TLS is read by the worker's one buffer. */
  backendSends(which: number): void {
    const backend = this.backend(which);
    if (backend?.listenerCount("data") === 0) backend.receiveStatic(which);
    else backend?.receive(Buffer.alloc(which));
  }

  /** One event, and what follows from it by itself. */
  happen(name: Event, which: number): void {
    events[name](this, which);
    for (const socket of [...this.clients, ...this.plane.dialled]) {
      socket.flow();
      socket.over?.flow();
    }
  }

  sweep(now: number): void {
    for (const one of this.plane.open) one.endIfOverdue(now);
  }

  vacate(slot: number): void {
    for (const one of this.plane.open) one.vacate(slot);
  }

  cut(): void {
    for (const one of this.plane.open) one.end("stopped");
  }

  get ended(): number {
    return Object.values(this.plane.ends).reduce((sum, count) => sum + count, 0);
  }

  /** The counts fit the open sessions, and each connection that ended did so once, with one line. */
  check(): void {
    const { plane, clients, ended } = this;
    const open = clients.length - ended;
    assert.equal(plane.open.size, open);
    assert.equal(plane.lines.length, ended);
    assert.equal(plane.listenerCount("accepted") - plane.listenerCount("ended"), open);
    const { shared } = plane;
    assert.deepEqual(
      [shared.listenerActive[0], shared.process[openConnections], shared.workerOpen[0]],
      [open, open, open],
    );
    assert.ok(plane.handshakes[0]! >= 0 && plane.handshakes[0]! <= open);
    assert.ok(this.listener.places <= open);
    assert.ok(this.listener.undecided >= 0 && this.listener.undecided <= open);
    const leases = [...shared.backendActive.subarray(0, 3)];
    plane.holds({ leases, waiting: shared.poolWaiting[0]! });
    assert.ok(leases.reduce((sum, count) => sum + count, 0) + shared.poolWaiting[0]! <= open);
  }

  /** Every peer leaves without a word: no session outlives that. */
  leave(): void {
    this.clients.forEach((_, which) => void this.client(which)?.vanish());
    for (const socket of this.plane.dialled) socket.vanish();
    assert.equal(this.ended, this.clients.length, "a session outlives its sockets");
  }

  finish(): void {
    this.cut();
    assert.equal(this.ended, this.clients.length);
    this.check();
    lingerToTheEnd();
    const sockets = [...this.plane.dialled, ...this.clients, ...this.clients.map(({ over }) => over!)];
    for (const socket of sockets) {
      if (socket === undefined) continue;
      assert.ok(socket.destroyed, "a socket was left open");
      socket.close();
    }
    this.check();
    this.plane.isEmpty();
    assert.deepEqual([this.plane.handshakes[0], this.listener.places, this.listener.undecided], [0, 0, 0]);
  }
}

/** A write meets a reset, or the end of a peer that had ended in order before. */
const codeOf = (which: number): "ECONNRESET" | "EPIPE" => (which % 2 === 0 ? "ECONNRESET" : "EPIPE");

/** Events that may happen to the n-th client or backend, whatever it is doing. */
const events = {
  accepted: (scene: Scene) => void (scene.clients.length < 6 && scene.accept()),
  secured: (scene: Scene, which: number) => void scene.client(which)?.emit("secure"),
  tlsBroken: (scene: Scene, which: number) =>
    void scene.client(which)?.emit("_tlsError", Object.assign(new Error("x"), { code: "ERR_SSL_X" })),
  clientSends: (scene: Scene, which: number) => scene.client(which)?.receive(Buffer.alloc(which)),
  clientSendsRecord: (scene: Scene, which: number) => scene.client(which)?.receive(Buffer.alloc(16_384)),
  clientFull: (scene: Scene, which: number) => scene.client(which)?.fill(),
  clientDrains: (scene: Scene, which: number) => scene.client(which)?.drain(),
  clientEnds: (scene: Scene, which: number) => scene.client(which)?.receiveEnd(),
  clientTakesNoMore: (scene: Scene, which: number) =>
    scene.client(which)?.failWrites("client", codeOf(which)),
  clientFails: (scene: Scene, which: number) => scene.client(which)?.fail("ECONNRESET"),
  clientCloses: (scene: Scene, which: number) => scene.client(which)?.close(),
  clientVanishes: (scene: Scene, which: number) => scene.client(which)?.vanish(),
  connected: (scene: Scene, which: number) => scene.backend(which)?.connect("connect"),
  connectedTls: (scene: Scene, which: number) => scene.backend(which)?.connect("secureConnect"),
  backendSends: (scene: Scene, which: number) => scene.backendSends(which),
  backendFull: (scene: Scene, which: number) => scene.backend(which)?.fill(),
  backendDrains: (scene: Scene, which: number) => scene.backend(which)?.drain(),
  backendEnds: (scene: Scene, which: number) => scene.backend(which)?.receiveEnd(),
  backendTakesNoMore: (scene: Scene, which: number) =>
    scene.backend(which)?.failWrites("upstream", codeOf(which)),
  backendFails: (scene: Scene, which: number) => scene.backend(which)?.fail("ECONNRESET"),
  backendBreaks: (scene: Scene, which: number) => scene.backend(which)?.fail("ERR_SSL_X"),
  backendCloses: (scene: Scene, which: number) => scene.backend(which)?.close(),
  backendVanishes: (scene: Scene, which: number) => scene.backend(which)?.vanish(),
  early: (scene: Scene) => scene.sweep(performance.now()),
  quiet: (scene: Scene) => scene.sweep(performance.now() + 1_500),
  late: (scene: Scene) => scene.sweep(muchLater()),
  bell: (scene: Scene) => scene.pool.queue.serve(),
  vacated: (scene: Scene, which: number) => scene.vacate(which % 3),
  cut: (scene: Scene) => scene.cut(),
} as const;

type Event = keyof typeof events;

describe("a session ends by what happens while it waits, connects or relays", () => {
  const connected: readonly Event[] = ["accepted", "connected"];
  const table: readonly (readonly [readonly Event[], EndReason])[] = [
    [["accepted", "clientFails"], "client_gone"],
    [["accepted", "clientVanishes"], "client_gone"],
    [["accepted", "late", "late", "late"], "connect_failed"],
    [["accepted", "vacated", "vacated", "cut"], "stopped"],
    [[...connected, "clientEnds", "backendEnds", "clientCloses", "backendCloses"], "client_closed"],
    [[...connected, "backendEnds", "clientEnds", "backendCloses", "clientCloses"], "backend_closed"],
    [
      ["accepted", "clientEnds", "connected", "backendEnds", "backendCloses", "clientCloses"],
      "client_closed",
    ],
    [[...connected, "clientFails"], "client_reset"],
    [[...connected, "clientVanishes"], "client_reset"],
    [[...connected, "backendFails"], "backend_reset"],
    [[...connected, "backendVanishes"], "backend_reset"],
    [[...connected, "backendBreaks"], "backend_tls_error"],
    [["accepted", "secured", "connected", "tlsBroken"], "client_tls_error"],
    [["accepted", "secured", "tlsBroken"], "client_tls_error"],
    [[...connected, "backendEnds", "backendFails", "clientCloses"], "backend_reset"],
    [[...connected, "early", "late"], "idle_timeout"],
    [[...connected, "clientEnds", "early", "late"], "half_close_timeout"],
    [[...connected, "vacated"], "backend_drained"],
    [[...connected, "cut"], "stopped"],
  ];
  for (const [happened, reason] of table)
    test(`${happened.join(", ")}: ${reason}`, () => {
      const tls = happened.includes("secured");
      const scene = new Scene({ tls });
      for (const name of happened) scene.happen(name, 0);
      assert.deepEqual(scene.plane.ends, { [reason]: 1 });
      assert.equal(scene.plane.lines[0]?.reason, reason);
      scene.finish();
    });
});

describe("an end over TLS may hide a reset", () => {
  const begun: readonly (readonly [string, readonly Event[], EndReason])[] = [
    ["while a backend is being connected", ["accepted", "secured"], "client_gone"],
    ["in the relay", ["accepted", "secured", "connected"], "client_reset"],
  ];
  for (const [when, happened, reason] of begun)
    test(`of the client, ${when}: ${reason}`, async () => {
      const scene = new Scene({ tls: true });
      for (const name of happened) scene.happen(name, 0);
      scene.client(0)!.hideReset();
      await nextTurn();
      assert.equal(scene.backend(0)!.writableEnded, false);
      assert.deepEqual(scene.plane.ends, { [reason]: 1 });
      scene.finish();
    });

  test("of the backend: backend_reset", async () => {
    const scene = new Scene({ secure: true });
    for (const name of ["accepted", "connected", "connectedTls"] as const) scene.happen(name, 0);
    const [client, backend] = [scene.client(0)!, scene.plane.dialled[1]!];
    backend.hideReset();
    await nextTurn();
    assert.equal(client.writableEnded, false);
    assert.deepEqual(scene.plane.ends, { backend_reset: 1 });
    scene.finish();
  });

  test("and does not where the client had ended before it was reset", async () => {
    const scene = new Scene({ tls: true });
    for (const name of ["accepted", "secured", "connected"] as const) scene.happen(name, 0);
    scene.client(0)!.vanishPeer();
    scene.client(0)!.receiveEnd();
    await nextTurn();
    assert.equal(scene.backend(0)!.writableEnded, true);
    assert.deepEqual(scene.plane.ends, {});
    scene.finish();
  });
});

test("a connection may choose a pool until it has a backend, or has ended without one", () => {
  const scene = new Scene({ tls: true });
  for (const name of ["accepted", "accepted"] as const) scene.happen(name, 0);
  scene.happen("secured", 0);
  assert.equal(scene.listener.undecided, 2);
  scene.happen("backendFails", 0);
  assert.equal(scene.listener.undecided, 2);
  scene.happen("connected", 0);
  assert.equal(scene.listener.undecided, 1);
  scene.happen("clientVanishes", 1);
  assert.equal(scene.listener.undecided, 0);
  scene.finish();
});

test("a client in the queue that ends wants no backend any more", () => {
  const scene = new Scene({ most: 1 });
  for (let count = 0; count < 4; count++) scene.accept();
  events.clientEnds(scene, 3);
  assert.deepEqual(scene.plane.ends, { client_gone: 1 });
  scene.finish();
});

test("bytes go on as they came, in both directions, and whoever takes no more is waited for", () => {
  const scene = new Scene();
  events.accepted(scene);
  events.connected(scene, 0);
  const [client, backend] = [scene.client(0)!, scene.backend(0)!];
  client.receive(Buffer.from("question"));
  backend.receiveStatic(6);
  assert.deepEqual([backend.written.map(String), client.written], [["question"], [Buffer.alloc(6, 1)]]);
  backend.fill();
  client.receive(Buffer.from("more"));
  assert.equal(client.isPaused(), true);
  client.receive(Buffer.from("kept"));
  assert.equal(backend.written.length, 2);
  backend.drain();
  client.flow();
  assert.deepEqual(backend.written.map(String), ["question", "more", "kept"]);
  assert.deepEqual([scene.plane.listenerCount("received"), scene.plane.listenerCount("sent")], [16, 6]);
  scene.finish();
});

test("a backend that is gone for both directions gives its place back, however long the client still takes", () => {
  const scene = new Scene({ most: 1 });
  for (const name of ["accepted", "connected"] as const) scene.happen(name, 0);
  const [client, backend] = [scene.client(0)!, scene.backend(0)!];
  client.receive(Buffer.from("x"));
  client.fill();
  backend.receiveStatic(3);
  scene.happen("clientEnds", 0);
  scene.happen("backendEnds", 0);
  const { backendActive } = scene.plane.shared;
  assert.equal(backendActive[0]! + backendActive[1]! + backendActive[2]!, 1);
  backend.close();
  assert.equal(backendActive[0]! + backendActive[1]! + backendActive[2]!, 0);
  assert.equal(client.destroyed, false);
  client.drain();
  client.flow();
  client.close();
  assert.deepEqual(scene.plane.ends, { client_closed: 1 });
  scene.finish();
});

test("a backend that has ended and is gone then is found out where others wait for its place", () => {
  for (const most of [1, undefined]) {
    const scene = new Scene({ most });
    for (const name of ["accepted", "connected", "backendEnds"] as const) scene.happen(name, 0);
    const backend = scene.backend(0)!;
    backend.failNextWrite("upstream", "EPIPE");
    scene.sweep(performance.now());
    assert.deepEqual(scene.plane.ends, most === undefined ? {} : { backend_reset: 1 });
    scene.finish();
  }
});

test("a backend that has ended gives its place back once nothing moves, and its session goes on", () => {
  for (const most of [1, undefined]) {
    const scene = new Scene({ most });
    for (const name of ["accepted", "connected"] as const) scene.happen(name, 0);
    const [client, backend] = [scene.client(0)!, scene.backend(0)!];
    const { backendActive } = scene.plane.shared;
    const taken = (): number => backendActive[0]! + backendActive[1]! + backendActive[2]!;
    for (const name of ["backendEnds", "early"] as const) scene.happen(name, 0);
    assert.equal(taken(), 1, "at once");
    scene.happen("quiet", 0);
    assert.equal(taken(), most === undefined ? 1 : 0);
    client.receive(Buffer.from("for a backend that still reads"));
    assert.equal(backend.written.length, 1);
    assert.deepEqual(scene.plane.ends, {});
    for (const name of ["clientEnds", "clientCloses", "backendCloses"] as const) scene.happen(name, 0);
    assert.deepEqual(scene.plane.ends, { backend_closed: 1 });
    scene.finish();
  }
});

test("a session whose backend has ended and is drained then is ended too, though it has no place any more", () => {
  const scene = new Scene({ most: 1 });
  for (const name of ["accepted", "connected"] as const) scene.happen(name, 0);
  const slot = scene.plane.shared.backendActive.indexOf(1);
  for (const name of ["backendEnds", "quiet"] as const) scene.happen(name, 0);
  assert.equal(scene.plane.shared.backendActive[slot], 0);
  scene.vacate(slot + 1);
  assert.deepEqual(scene.plane.ends, {});
  scene.vacate(slot);
  assert.deepEqual(scene.plane.ends, { backend_drained: 1 });
  scene.finish();
});

test("a backend that resets without a word counts as failed", () => {
  const scene = new Scene();
  for (const name of ["accepted", "connected", "backendFails"] as const) scene.happen(name, 0);
  assert.equal(
    scene.plane.shared.backendErrors.subarray(0, 3).reduce((sum, count) => sum + count, 0),
    1,
  );
  scene.finish();
});

describe("a session ends when bytes wait for a side that takes none, whatever moves the other way", () => {
  for (const [side, reason] of [
    ["client", "client_stalled"],
    ["backend", "backend_stalled"],
  ] as const)
    test(reason, () => {
      const scene = new Scene();
      for (const name of ["accepted", "connected"] as const) scene.happen(name, 0);
      const [client, backend] = [scene.client(0)!, scene.backend(0)!];
      (side === "client" ? client : backend).fill();
      client.receive(Buffer.from("up"));
      backend.receiveStatic(4);
      const start = performance.now();
      for (let now = start; now < start + 60_000; now += 900) {
        clock.now = now;
        if (side === "client") client.receive(Buffer.from("x"));
        else backend.receiveStatic(1);
        scene.sweep(now);
      }
      assert.deepEqual(scene.plane.ends, {});
      scene.sweep(start + 60_900);
      assert.deepEqual(scene.plane.ends, { [reason]: 1 });
      scene.finish();
    });
});

describe("a side that takes no more bytes is read to its end, and the other side gets all of it", () => {
  for (const [which, end] of [
    [0, "reset"],
    [1, "end"],
  ] as const) {
    test(`a backend that answers early: the answer, and a ${end}`, () => {
      const scene = new Scene();
      for (const name of ["accepted", "connected"] as const) scene.happen(name, which);
      const [client, backend] = [scene.client(0)!, scene.backend(0)!];
      client.receive(Buffer.from("upload"));
      backend.fill();
      client.receive(Buffer.from("more of it"));
      scene.happen("backendTakesNoMore", which);
      assert.equal(client.isPaused(), false, "the client would not be heard");
      client.receive(Buffer.from("the rest"));
      backend.receiveStatic(3);
      backend.receiveEnd();
      assert.deepEqual(client.written, [Buffer.alloc(3, 1)]);
      assert.equal(client.writableEnded, end === "end");
      assert.deepEqual(scene.plane.ends, { backend_reset: 1 });
      client.receive(Buffer.from("dropped"));
      assert.equal(client.destroyed, false, "reset before the client could read");
      scene.finish();
      assert.deepEqual([client.wasReset, backend.wasReset], [true, true]);
    });

    test(`a client that leaves before it is answered: its bytes, and a ${end}`, () => {
      const scene = new Scene();
      for (const name of ["accepted", "connected"] as const) scene.happen(name, which);
      const [client, backend] = [scene.client(0)!, scene.backend(0)!];
      scene.happen("clientTakesNoMore", which);
      backend.receiveStatic(3);
      client.receive(Buffer.from("last words"));
      client.receiveEnd();
      assert.deepEqual([backend.written.map(String), client.written], [["last words"], []]);
      assert.equal(backend.writableEnded, end === "end");
      assert.deepEqual(scene.plane.ends, { client_reset: 1 });
      scene.finish();
    });
  }

  test("what waits for a client that does not read yet is waited for, then it is reset", () => {
    const scene = new Scene();
    for (const name of ["accepted", "connected"] as const) scene.happen(name, 0);
    const [client, backend] = [scene.client(0)!, scene.backend(0)!];
    client.fill();
    backend.receiveStatic(3);
    backend.fail("ECONNRESET");
    assert.deepEqual(scene.plane.ends, {});
    assert.equal(client.destroyed, false);
    client.drain();
    assert.deepEqual(scene.plane.ends, { backend_reset: 1 });
    scene.finish();
    assert.equal(client.wasReset, true);
  });

  test("what a backend said over TLS before it failed, and nobody has read yet, arrives", () => {
    const scene = new Scene({ secure: true });
    for (const name of ["accepted", "connected", "connectedTls"] as const) scene.happen(name, 0);
    const [client, backend] = [scene.client(0)!, scene.backend(0)!];
    client.fill();
    for (const text of ["one", "two", "three"]) backend.receive(Buffer.from(text));
    backend.fail("ECONNRESET");
    assert.deepEqual(client.written.map(String), ["one", "two", "three"]);
    client.drain();
    scene.finish();
    assert.equal(client.wasReset, true);
  });
});

test("whatever happens in whatever order, a session ends once, for one reason, and leaves nothing behind", () => {
  const names = Object.keys(events) as Event[];
  const usual: Event[] = ["accepted", "secured", "connected", "connectedTls", "clientSends", "backendSends"];
  const rare: Event[] = ["cut", "late", "quiet"];
  const event = fc.tuple(
    fc.oneof(
      { arbitrary: fc.constantFrom(...usual), weight: 10 },
      { arbitrary: fc.constantFrom(...names.filter((name) => !rare.includes(name))), weight: 10 },
      { arbitrary: fc.constantFrom(...rare), weight: 1 },
    ),
    fc.nat(11),
  );
  const settings: fc.Arbitrary<Settings> = fc.record({
    secure: fc.boolean(),
    tls: fc.boolean(),
    most: fc.constantFrom(undefined, 1, 2),
    picker: fc.constantFrom({ type: "round-robin" } as const, { type: "peak-ewma", decay: 1_000 } as const),
  });
  fc.assert(
    fc.property(settings, fc.array(event, { maxLength: 80 }), fc.boolean(), (given, happened, left) => {
      const scene = new Scene(given);
      scene.accept();
      for (const [name, which] of happened) {
        scene.happen(name, which);
        scene.check();
      }
      if (left) scene.leave();
      scene.finish();
    }),
    { numRuns: 3_000 },
  );
});
