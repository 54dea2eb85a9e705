import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { forLastWords } from "../../../../src/data/sockets/linger.ts";
import type { PlacedPool } from "../../../../src/model/snapshot.ts";
import type { FakeSocket } from "../../../support/fake-socket.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";
import { lingerToTheEnd } from "../../../support/lingering.ts";
import { poolHttp } from "../../../support/pool-http.ts";

const get = (path = "/", more = ""): Buffer =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n${more}\r\n`);
const post = (body: string, more = ""): Buffer =>
  Buffer.from(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`);
const ok = (body = "hello", more = ""): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

const upgrade =
  "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const agreed =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

describe("a request", () => {
  test("goes to a backend, and its answer back, in one write each way", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(get("/a?b=c"));
    const backend = scene.backend();
    assert.match(backend.got, /^GET \/a\?b=c HTTP\/1\.1\r\nhost: a\.test\r\n/);
    backend.send(ok());
    assert.equal(client.written.length, 1);
    assert.match(
      writtenTo(client),
      /^HTTP\/1\.1 200 OK\r\nContent-Length: 5\r\nx-request-id: [0-9a-f-]{36}\r\n\r\nhello$/,
    );
    assert.deepEqual(
      scene.requests.map(({ reason, status }) => [reason, status]),
      [["served", 200]],
    );
    scene.plane.holds({ leases: [0, 0, 0], waiting: 0 });
    assert.equal(scene.plane.kept.size, 1);
    scene.finish();
  });

  test("takes the connection that the one before it left", async () => {
    const scene = await HttpScene.of("", { backends: 1 });
    const client = scene.accept();
    client.receive(get("/1"));
    const backend = scene.backend();
    backend.send(ok("one"));
    client.receive(get("/2"));
    backend.send(ok("two"));
    assert.equal(scene.plane.dialled.length, 1);
    assert.match(writtenTo(client), /one.*two$/s);
    scene.finish();
  });

  test("waits for its turn where it was pipelined, and is answered in order", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(Buffer.concat([get("/1"), get("/2"), get("/3")]));
    for (const body of ["one", "two", "three"]) {
      assert.equal(scene.plane.dialled.filter(({ destroyed }) => !destroyed).length > 0, true);
      scene.backend().send(ok(body));
    }
    assert.match(writtenTo(client), /one.*two.*three$/s);
    scene.finish();
  });

  test("that breaks the rules is answered once, and the connection closed in order", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(Buffer.from("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"));
    assert.match(writtenTo(client), /^HTTP\/1\.1 400 Bad Request\r\n(?:.*\r\n)*connection: close\r\n/);
    assert.ok(client.writableEnded && !client.wasReset);
    assert.equal(scene.plane.dialled.length, 0);
    client.receive(Buffer.alloc(1000));
    assert.ok(!client.destroyed, "the client would lose its answer");
    client.receiveEnd();
    client.close();
    assert.equal(scene.plane.open.size, 0);
    assert.ok(!client.wasReset);
    scene.finish();
  });

  test("whose body goes on behind the answer does not cost the client that answer", async () => {
    const scene = await HttpScene.of('[listeners.web.http]\nmax_body = "1KiB"\n');
    const client = scene.accept();
    client.receive(Buffer.from("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    client.receive(Buffer.from(`800\r\n${"x".repeat(2_048)}\r\n`));
    assert.match(writtenTo(client), /^HTTP\/1\.1 413 /);
    for (let count = 0; count < 100; count++) client.receive(Buffer.alloc(65_536));
    assert.ok(!client.destroyed && !client.isPaused(), "the system would reset the connection");
    scene.sweep(0);
    scene.sweep(forLastWords.quiet + 100);
    assert.ok(client.destroyed && !client.wasReset);
    scene.finish();
  });

  test("whose body goes on while the client takes no answer is read no further", async () => {
    const scene = await HttpScene.of('[listeners.web.http]\nmax_body = "1KiB"\n');
    const client = scene.accept();
    client.fill();
    client.receive(post("x".repeat(2_048)));
    client.receive(Buffer.alloc(forLastWords.bytes + 1));
    assert.ok(client.isPaused());
    client.drain();
    scene.sweep(0);
    assert.ok(!client.isPaused() && !client.destroyed);
    scene.finish();
  });

  test("with a body waits for a backend, and passes in order", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(
      Buffer.from("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    );
    const backend = scene.backend();
    client.flow();
    client.receive(Buffer.from("2\r\nde\r\n0\r\n\r\n"));
    assert.match(backend.got, /transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n$/);
    backend.send(ok());
    assert.match(writtenTo(client), /hello$/);
    scene.finish();
  });

  test("is sent once where it must not be sent twice, and its first one takes a connection of its own", async () => {
    const scene = await HttpScene.of("", { backends: 1 });
    const first = scene.accept();
    first.receive(get());
    const idle = scene.backend();
    idle.send(ok());
    const client = scene.accept();
    client.receive(post("x"));
    assert.equal(scene.plane.dialled.length, 2, "a connection of its own");
    scene.backend().socket.fail("ECONNRESET");
    assert.match(writtenTo(client), /^HTTP\/1\.1 502 .*backend_reset/s);
    first.receive(post("y"));
    assert.match(idle.got, /y$/, "a later one takes the idle one");
    idle.end();
    assert.match(writtenTo(first), /HTTP\/1\.1 502 .*backend_closed/s);
    assert.equal(scene.plane.dialled.length, 2);
    scene.finish();
  });

  test("is repeated once on a new connection where the one that it took had ended", async () => {
    const scene = await HttpScene.of("", { backends: 1 });
    const client = scene.accept();
    client.receive(get("/1"));
    const idle = scene.backend();
    idle.send(ok("one"));
    client.receive(get("/2"));
    idle.end();
    assert.equal(scene.plane.dialled.length, 2);
    scene.backend().send(ok("two"));
    assert.match(writtenTo(client), /one.*two$/s);
    assert.deepEqual(
      scene.requests.at(-1)!.attempts!.map(({ error }) => error),
      ["reused-reset", undefined],
    );
    scene.finish();
  });
});

describe("an answer", () => {
  for (const [what, cut] of [
    ["its length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"],
    ["its last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"],
  ] as const)
    test(`that ends before ${what} never looks complete`, async () => {
      const scene = await HttpScene.of();
      const client = scene.accept();
      client.receive(get());
      const backend = scene.backend();
      backend.send(cut);
      backend.end();
      assert.ok(!client.destroyed, "what was written may not have reached the client");
      lingerToTheEnd();
      assert.ok(client.wasReset, "the client was told an orderly end");
      assert.doesNotMatch(writtenTo(client), /\r\n0\r\n\r\n$/);
      assert.equal(scene.requests.at(-1)!.reason, "backend_closed");
      scene.finish();
    });

  test("that ends too early reaches its client, as far as it came, before that is reset", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(get());
    const backend = scene.backend();
    client.fill();
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    backend.end();
    assert.equal(scene.requests.at(-1)!.reason, "backend_closed");
    mock.timers.tick(500);
    assert.ok(!client.destroyed, "it was reset with bytes that wait");
    client.drain();
    lingerToTheEnd();
    assert.ok(client.wasReset && !client.writableEnded);
    assert.match(writtenTo(client), /abc$/);
    scene.finish();
  });

  test("that does not begin in time is 504, and one that stands still is cut", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(get());
    scene.backend();
    scene.sweep(61_000);
    assert.match(writtenTo(client), /^HTTP\/1\.1 504 .*first_byte_timeout/s);
    const other = scene.accept();
    other.receive(get());
    scene.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    scene.sweep(3_600_000);
    lingerToTheEnd();
    assert.ok(other.wasReset);
    assert.equal(scene.requests.at(-1)!.reason, "idle_timeout");
    scene.finish();
  });

  test("waits for a slow client", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(get());
    const backend = scene.backend();
    client.fill();
    assert.equal(backend.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), false);
    client.drain();
    assert.ok(!backend.socket.isPaused());
    backend.send("defghij");
    assert.match(writtenTo(client), /abcdefghij$/);
    scene.finish();
  });

  test("may come before the request is whole: then both connections end", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(Buffer.from("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"));
    const backend = scene.backend();
    backend.send(ok("no"));
    assert.match(writtenTo(client), /\r\nconnection: close\r\n\r\nno$/);
    assert.ok(client.writableEnded && !client.wasReset);
    assert.ok(backend.socket.wasReset);
    assert.equal(scene.plane.kept.size, 0);
    scene.finish();
  });
});

describe("a connection", () => {
  test("without a further request is closed in order after keep_alive", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(get());
    scene.backend().send(ok());
    scene.sweep(76_000);
    assert.ok(client.writableEnded && !client.wasReset);
    scene.finish();
  });

  test("whose head does not come in time gets 408", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(Buffer.from("GET / HT"));
    scene.sweep(11_000);
    assert.match(writtenTo(client), /^HTTP\/1\.1 408 /);
    assert.ok(client.writableEnded);
    scene.finish();
  });

  test("whose body comes more slowly than min_body_rate gets 408, unless it is the backend that takes no more", async () => {
    const scene = await HttpScene.of('[listeners.web.http]\nmin_body_rate = "1KiB"\n');
    const begin = Buffer.from("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
    const client = scene.accept();
    client.receive(begin);
    scene.backend();
    const held = scene.accept();
    held.receive(begin);
    scene.backend().socket.fill();
    held.receive(Buffer.from("def"));
    scene.sweep(9_000);
    assert.equal(writtenTo(client), "");
    scene.sweep(11_000);
    assert.match(writtenTo(client), /^HTTP\/1\.1 408 .*body_too_slow/s);
    assert.equal(writtenTo(held), "");
    scene.finish();
  });

  test("says close with its next answer while the process drains", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(get());
    Object.assign(scene.plane, { isDraining: true });
    scene.sweep(0);
    scene.backend().send(ok());
    assert.match(writtenTo(client), /connection: close\r\n/);
    assert.ok(client.writableEnded);
    scene.finish();
  });

  test("changes to WebSocket after a checked 101 alone, and not a byte is lost", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(Buffer.concat([get("/chat", upgrade), Buffer.from("early")]));
    const backend = scene.backend();
    assert.doesNotMatch(backend.got, /early/);
    backend.send(`${agreed}first`);
    assert.match(backend.got, /early$/);
    assert.match(writtenTo(client), /^HTTP\/1\.1 101 .*\r\n\r\nfirst$/s);
    client.receive(Buffer.from("ping"));
    backend.send("pong");
    assert.match(backend.got, /earlyping$/);
    assert.match(writtenTo(client), /firstpong$/);
    scene.plane.holds({ leases: [1, 0, 0], waiting: 0 });
    backend.socket.fail("ECONNRESET");
    assert.ok(!client.writableEnded, "an orderly end");
    assert.equal(scene.requests.at(-1)!.reason, "upgraded");
    // It has time to take what the backend said last.
    assert.ok(!client.destroyed);
    lingerToTheEnd();
    assert.ok(client.wasReset);
    const other = scene.accept();
    other.receive(get("/chat", upgrade));
    scene.backend().send(agreed.replace("s3pP", "xxxx"));
    assert.match(writtenTo(other), /^HTTP\/1\.1 502 .*upgrade_failed/s);
    scene.finish();
  });
});

describe("a WebSocket whose backend has ended", () => {
  async function ended(pool: Partial<PlacedPool>): Promise<{ scene: HttpScene; client: FakeSocket }> {
    const scene = await HttpScene.of("", { pool });
    const client = scene.accept();
    client.receive(get("/chat", upgrade));
    const backend = scene.backend();
    backend.send(`${agreed}last words`);
    backend.end();
    assert.ok(client.writableEnded);
    scene.sweep(1_500);
    assert.ok(!client.destroyed, "its client would lose what the system has not sent yet");
    assert.equal(scene.requests.length, 0);
    return { scene, client };
  }

  test("gives back its place, not its client: that may be slow to take what the backend said last", async () => {
    const limits = [
      { maxConnections: 9 },
      { maxConnectionsPerBackend: 9 },
      { http: { ...poolHttp, maxRequestsPerBackend: 9 } },
    ];
    for (const [leases, pool] of [[1, {}], ...limits.map((limit) => [0, limit] as const)] as const) {
      const { scene, client } = await ended(pool);
      scene.plane.holds({ leases: [leases, 0, 0], waiting: 0 });
      assert.equal(
        [...scene.plane.open][0]!.tell(0)?.requests?.[0]?.backend,
        scene.pool.definition.backends[0]!.address,
      );
      client.receive(Buffer.from("bye"));
      assert.match(writtenTo(scene.plane.dialled[0]!), /bye$/, "a backend may still read");
      client.receiveEnd();
      for (const socket of [client, scene.plane.dialled[0]!]) {
        socket.flow();
        socket.close();
      }
      assert.deepEqual(
        scene.requests.map(({ reason, detail }) => [reason, detail]),
        [["upgraded", "backend_closed"]],
      );
      assert.ok(!client.wasReset);
      scene.finish();
    }
  });

  test("ends after half_close, or when that backend is drained, though it has no place any more", async () => {
    for (const [end, reason] of [
      [(scene: HttpScene) => scene.sweep(2_500), "half_close_timeout"],
      [(scene: HttpScene) => [...scene.plane.open][0]!.vacate(0), "backend_drained"],
    ] as const) {
      const { scene, client } = await ended({ maxConnections: 9 });
      for (const open of scene.plane.open) open.vacate(1);
      assert.ok(!client.destroyed);
      end(scene);
      assert.equal(scene.requests.at(-1)!.detail, reason);
      assert.ok(scene.plane.dialled[0]!.destroyed);
      scene.finish();
    }
  });
});
