import assert from "node:assert/strict";
import { test } from "node:test";
import { backendCell } from "../../../../src/channel/counters.ts";
import { backendFlag } from "../../../../src/channel/memory.ts";
import type { FakeSocket } from "../../../support/fake-socket.ts";
import { type FakeBackend, HttpScene, writtenTo } from "../../../support/http-scene.ts";
import { goAway, refusedStream, resetStream, settings, takesNone } from "../../../support/http2-frames.ts";
import { poolHttp } from "../../../support/pool-http.ts";

const toml = `[routes.guarded]
path_prefix = "/guarded"
pool = "app"
auth = ["sso"]
[routes.socket]
path_prefix = "/socket"
pool = "app"
upgrades = ["websocket"]
[routes.all]
path_prefix = "/"
pool = "app"
[auth.sso]
type = "forward"
pool = "app"
path = "/verify"
`;
const prepared = await HttpScene.of(toml, { backends: 1, pool: { http: { ...poolHttp, version: "2" } } });

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n`;
const socket = `${get("/socket")}Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`;

interface Begun {
  readonly scene: HttpScene;
  readonly client: FakeSocket;
  readonly backend: FakeBackend;
}

/** A request that shares a connection, which is ready. */
function begin(head: string): Begun {
  const scene = prepared.again();
  const client = scene.accept();
  client.receive(Buffer.from(`${head}\r\n`));
  const backend = scene.backend();
  backend.send(settings);
  scene.flush();
  return { scene, client, backend };
}

/** How often the backend counts as failed. */
const failures = ({ scene }: Begun): number => scene.plane.shared.backendErrors[0]!;

const vacate = ({ scene }: Begun): void => {
  for (const open of scene.plane.open) open.vacate(0);
};

test("a request tells its backend", () => {
  const { scene } = begin(get("/a"));
  const [session] = [...scene.plane.open].map((open) => open.tell(performance.now()));
  assert.deepEqual(
    session!.requests.map(({ backend, state }) => [backend, state]),
    [[scene.pool.definition.backends[0]!.address, "sent"]],
  );
  scene.finish();
});

test("a question about a request leaves a backend that is drained, which did nothing wrong", () => {
  const begun = begin(get("/guarded"));
  vacate(begun);
  assert.match(writtenTo(begun.client), /^HTTP\/1\.1 503 .*auth_unavailable/s);
  assert.equal(begun.scene.requests[0]!.detail, "auth.sso: backend_drained");
  assert.equal(failures(begun), 0);
  begun.scene.finish();
});

test("no backend is blamed for a request that it was not sent, did not look at, or had taken from it", () => {
  const ends: Readonly<Record<string, readonly [head: string, act: (begun: Begun) => void]>> = {
    "upgrade_failed (no_extended_connect)": [socket, () => {}],
    backend_refused: [get("/a"), ({ scene, backend }) => refuseAll(scene, backend)],
    backend_drained: [get("/a"), vacate],
  };
  for (const [reason, [head, act]] of Object.entries(ends)) {
    const begun = begin(head);
    act(begun);
    assert.ok(writtenTo(begun.client).includes(reason), `${reason}: ${writtenTo(begun.client)}`);
    assert.equal(failures(begun), 0, reason);
    begun.scene.finish();
  }
});

/** Refuses each attempt, as long as one is made. */
function refuseAll(scene: HttpScene, backend: FakeBackend): void {
  for (let stream = 1; stream < 40 && scene.requests.length === 0; stream += 2) {
    scene.flush();
    backend.send(refusedStream(stream));
  }
}

test("a backend whose connection ends before its answer is blamed", () => {
  const begun = begin(get("/a"));
  begun.backend.socket.fail("ECONNRESET");
  assert.match(writtenTo(begun.client), /^HTTP\/1\.1 502 .*backend_reset/s);
  assert.equal(failures(begun), 1);
  begun.scene.finish();
});

/** The numbers of its metrics: connections, streams, GOAWAYs, resets by it and by umay. */
function counted({ scene }: Begun): number[] {
  const { counters } = scene.plane;
  const first = scene.pool.definition.backends[0]!.counters;
  const { http2Connections, http2Streams, http2GoAways, http2Resets } = backendCell;
  return [http2Connections, http2Streams, http2GoAways, http2Resets, http2Resets + 1].map(
    (cell) => counters[first + cell]!,
  );
}

test("a backend's connections and streams are counted, with their resets and the GOAWAYs", () => {
  const begun = begin(get("/a"));
  const { scene, client, backend } = begun;
  scene.sweep(0);
  assert.deepEqual(counted(begun), [1, 1, 0, 0, 0]);
  client.fail("ECONNRESET");
  scene.sweep(0);
  assert.deepEqual(counted(begun), [1, 0, 0, 0, 1]);
  const next = scene.accept();
  next.receive(Buffer.from(`${get("/b")}\r\n`));
  scene.flush();
  backend.send(refusedStream(3) + goAway(3));
  scene.flush();
  assert.deepEqual(counted(begun), [0, 0, 1, 1, 1], "the last connection has ended");
  scene.finish();
});

test("a backend that is drained has its connection closed as soon as nothing is under way on it", () => {
  const begun = begin(get("/a"));
  const { scene, client, backend } = begun;
  scene.plane.shared.backendFlags[0] = backendFlag.draining;
  scene.sweep(0);
  scene.flush();
  assert.equal(backend.socket.destroyed, false, "a request is under way");
  client.fail("ECONNRESET");
  scene.flush();
  assert.deepEqual([scene.plane.sharedUpstreams.size, counted(begun)[0]], [0, 0]);
  scene.finish();
});

test("a request whose stream a backend resets is not taken for one on a connection that was closing", () => {
  const { scene, client, backend } = begin(get("/a"));
  client.fail("ECONNRESET");
  scene.flush();
  const next = scene.accept();
  next.receive(Buffer.from(`${get("/b")}\r\n`));
  scene.flush();
  backend.send(resetStream(3));
  assert.match(writtenTo(next), /^HTTP\/1\.1 502 .*backend_closed/s);
  scene.finish();
});

test("a connection whose backend takes no more requests is not kept", () => {
  const { scene, client, backend } = begin(get("/a"));
  backend.send(takesNone);
  scene.sweep(0);
  assert.equal(scene.plane.sharedUpstreams.size, 1, "a request is under way");
  client.fail("ECONNRESET");
  scene.sweep(0);
  assert.equal(scene.plane.sharedUpstreams.size, 0);
  scene.finish();
});
