import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Connection } from "../../../src/data/accept/connection.ts";
import { nobody } from "../../../src/data/sockets/owner.ts";
import type { EndReason } from "../../../src/model/reasons.ts";
import { clientHello, withExtensionTwice } from "../../support/client-hello.ts";
import { type Accepting, ListenerScene } from "../../support/fake-listener.ts";
import { muchLater } from "../../support/fake-plane.ts";
import { mockLingering } from "../../support/lingering.ts";

mockLingering();

const hello = await clientHello({ servername: "a.test" });
const proxyHeader = Buffer.from("PROXY TCP4 198.51.100.7 192.0.2.2 4242 443\r\n");
const bytes = {
  nothing: Buffer.alloc(0),
  header: proxyHeader,
  wrongHeader: Buffer.from("GET / HTTP/1.1\r\n\r\n\r\n"),
  hello,
  helloBegins: hello.subarray(0, 20),
  helloEnds: hello.subarray(20),
  headerAndHello: Buffer.concat([proxyHeader, hello]),
  request: Buffer.from("GET / HTTP/1.1\r\n\r\n"),
} as const;

/** Begins with a connection in each phase. */
const listeners = {
  header: { proxyProtocol: true },
  hello: { mode: "passthrough" },
  handshake: { tls: true },
} as const satisfies Record<string, Accepting>;

describe("a connection ends by what happens in each phase", () => {
  const table: Record<keyof typeof listeners, Record<string, EndReason | undefined>> = {
    header: { failed: "proxy_header", ended: "proxy_header", vanished: "proxy_header", late: "proxy_header" },
    hello: {
      failed: "handshake_failed",
      ended: "handshake_failed",
      vanished: "handshake_failed",
      late: "handshake_timeout",
    },
    handshake: {
      failed: "handshake_failed",
      ended: "handshake_failed",
      vanished: "handshake_failed",
      late: "handshake_timeout",
    },
  };
  for (const phase of Object.keys(table) as (keyof typeof listeners)[])
    for (const [event, reason] of Object.entries(table[phase]))
      test(`${phase}, ${event}: ${reason}`, () => {
        const scene = new ListenerScene(listeners[phase]);
        const { connection, socket } = scene.accept();
        if (phase === "handshake") socket.receive(bytes.helloBegins);
        assert.equal(connection.phase, phase);
        events[event as keyof typeof events](scene, 0);
        assert.deepEqual(scene.plane.ends, { [reason!]: 1 });
        assert.equal(scene.plane.lines[0]?.reason, reason);
        scene.finish();
      });
});

test("a connection is handed on with what is known of it, and with the bytes that were read of it", () => {
  const scene = new ListenerScene({ proxyProtocol: true, mode: "passthrough" });
  const { connection, socket } = scene.accept();
  for (const byte of bytes.headerAndHello) {
    socket.receive(Buffer.from([byte]));
    socket.flow();
  }
  assert.deepEqual(scene.served, [connection]);
  assert.deepEqual(
    [connection.clientAddress, connection.clientPort, connection.proxy?.via, connection.serverName],
    ["198.51.100.7", 4242, "192.0.2.1", "a.test"],
  );
  const read: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => read.push(chunk));
  socket.resume();
  socket.flow();
  assert.deepEqual(Buffer.concat(read), hello);
  scene.finish();
});

test("TLS is begun when a client has said something, with all that it said", () => {
  const scene = new ListenerScene({ tls: true });
  const accepted = scene.accept();
  assert.equal(accepted.tls, undefined);
  accepted.socket.receive(bytes.helloBegins);
  assert.notEqual(accepted.tls, undefined);
  assert.deepEqual(accepted.socket.read(), bytes.helloBegins);
  scene.finish();
});

test("a client of a listener with TLS that says nothing ends with the handshake's timeout", () => {
  const scene = new ListenerScene({ tls: true });
  const accepted = scene.accept();
  accepted.connection.endIfOverdue(muchLater());
  assert.deepEqual(scene.plane.ends, { handshake_timeout: 1 });
  assert.equal(accepted.tls, undefined);
  scene.finish();
});

test("a peer that ends before its PROXY header is said to be silent where it sent no byte", () => {
  const silent = [Buffer.alloc(0), bytes.header.subarray(0, 5)].map((sent) => {
    const scene = new ListenerScene({ proxyProtocol: true });
    const { socket } = scene.accept();
    socket.receive(sent);
    socket.receiveEnd();
    const [level] = scene.plane.levels;
    scene.finish();
    return level;
  });
  assert.deepEqual(silent, ["debug", "info"]);
});

test("a hello that breaks the rules is told so with an alert, and has time to read it", () => {
  const scene = new ListenerScene({ mode: "passthrough" });
  const { connection, socket } = scene.accept();
  socket.receive(withExtensionTwice(bytes.hello));
  assert.deepEqual([connection.phase, scene.plane.ends], ["closed", { handshake_failed: 1 }]);
  assert.deepEqual(Buffer.concat(socket.written), Buffer.from([21, 3, 3, 0, 2, 2, 47]));
  socket.receive(Buffer.alloc(60_000));
  assert.equal(socket.destroyed, false, "reset before the alert could be read");
  socket.receive(Buffer.alloc(6_000));
  assert.equal(socket.wasReset, true, "more than 64 KiB are dropped");
  scene.finish();
});

test("a client that says nothing is served where protocols are detected", () => {
  const scene = new ListenerScene({ detect: true, tls: true });
  const { connection } = scene.accept();
  connection.endIfOverdue(muchLater());
  assert.deepEqual(scene.served, [connection]);
  scene.finish();
});

test("a client that a proxy speaks for is refused by its own address", () => {
  const scene = new ListenerScene({ proxyProtocol: true, denies: "198.51.100.7" });
  scene.accept().socket.receive(proxyHeader);
  assert.deepEqual(scene.plane.ends, { denied: 1 });
  scene.finish();
});

test("a client whose certificate does not pass ends the connection after the handshake, with a reset", () => {
  const scene = new ListenerScene({ tls: true, refuses: true });
  const accepted = scene.accept();
  const { socket } = accepted;
  socket.receive(bytes.hello);
  accepted.tls!.emit("secure");
  assert.deepEqual(scene.plane.ends, { handshake_failed: 1 });
  assert.equal(socket.wasReset, true);
  scene.finish();
});

/** Events that may happen to the n-th connection, whatever it is doing. */
const events = {
  accepted: (scene: ListenerScene) => void (scene.connections.length < 6 && scene.accept()),
  received: (scene: ListenerScene, which: number) =>
    scene.pick(which)?.socket.receive(Object.values(bytes)[which % Object.keys(bytes).length]!),
  header: (scene: ListenerScene, which: number) => scene.pick(which)?.socket.receive(bytes.header),
  hello: (scene: ListenerScene, which: number) => scene.pick(which)?.socket.receive(bytes.hello),
  secured: (scene: ListenerScene, which: number) => void scene.pick(which)?.tls?.emit("secure"),
  tlsBroken: (scene: ListenerScene, which: number) =>
    void scene.pick(which)?.tls?.emit("_tlsError", new Error("x")),
  failed: (scene: ListenerScene, which: number) => scene.client(which)?.fail("ECONNRESET"),
  ended: (scene: ListenerScene, which: number) => scene.client(which)?.receiveEnd(),
  closed: (scene: ListenerScene, which: number) => scene.client(which)?.close(),
  vanished: (scene: ListenerScene, which: number) => scene.client(which)?.vanish(),
  early: (scene: ListenerScene, which: number) =>
    scene.pick(which)?.connection.endIfOverdue(performance.now()),
  late: (scene: ListenerScene, which: number) => scene.pick(which)?.connection.endIfOverdue(muchLater()),
  cut: (scene: ListenerScene, which: number) => scene.pick(which)?.connection.end("stopped"),
  vacated: (scene: ListenerScene, which: number) => scene.pick(which)?.connection.vacate(),
} as const;

test("whatever happens in whatever order, a connection is handed on or ends, once, and leaves nothing behind", () => {
  const names = Object.keys(events) as (keyof typeof events)[];
  const frequent = fc.constantFrom<keyof typeof events>("accepted", "header", "hello", "secured");
  const event = fc.tuple(fc.oneof(frequent, fc.constantFrom(...names)), fc.nat(7));
  const listener: fc.Arbitrary<Accepting> = fc.record({
    proxyProtocol: fc.boolean(),
    detect: fc.boolean(),
    mode: fc.constantFrom("tcp" as const, "passthrough" as const),
    tls: fc.boolean(),
    strictSni: fc.boolean(),
    refuses: fc.boolean(),
    denies: fc.constantFrom(undefined, "198.51.100.7"),
  });
  fc.assert(
    fc.property(listener, fc.array(event, { maxLength: 40 }), (accepting, happened) => {
      const scene = new ListenerScene(accepting);
      for (const [name, which] of happened) {
        events[name](scene, which);
        for (const { socket } of scene.connections) socket.flow();
        scene.check();
      }
      scene.finish();
    }),
    { numRuns: 3_000 },
  );
});

test("a connection that was handed on ends by its server alone", () => {
  const scene = new ListenerScene({});
  const { connection, socket } = scene.accept();
  assert.equal(connection.phase, "served");
  connection.end("stopped");
  connection.endIfOverdue(muchLater());
  assert.deepEqual(scene.plane.ends, {});
  assert.ok(connection instanceof Connection);
  connection.close("client_closed");
  assert.deepEqual([scene.plane.ends, socket.wasReset], [{ client_closed: 1 }, true]);
  assert.equal((socket as unknown as { owner: unknown }).owner, nobody);
});

test("a connection that no chain takes ends at once, and is counted for that", () => {
  const scene = new ListenerScene({ refusesAll: true });
  const { connection } = scene.accept();
  assert.equal(connection.phase, "closed");
  assert.deepEqual(scene.plane.ends, { no_chain: 1 });
  scene.finish();
});
