import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { poolCell, type RetryCause, retryCauseList } from "../../../../../src/channel/counters.ts";
import { backendFlag } from "../../../../../src/channel/memory.ts";
import { readTime, sharedClock } from "../../../../../src/data/clock.ts";
import type { FakeSocket } from "../../../../support/fake-socket.ts";
import {
  type FakeBackend,
  HttpScene,
  type HttpSettings,
  type RequestLine,
  writtenTo,
} from "../../../../support/http-scene.ts";
import { poolHttp } from "../../../../support/pool-http.ts";

const get = (path = "/"): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
const put = (body: string, method = "PUT"): Buffer =>
  Buffer.from(`${method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";

const route = (retry: string, more = ""): string =>
  `[routes.all]\npath_prefix = "/"\npool = "app"\n${more}\nretry = ${retry}\n`;

const now = 'backoff = { base = "0s", max = "0s" }';
const noLimit = { pool: { connect: { timeout: 1_000, attempts: 3, retryBudget: { percent: 20, min: 3 } } } };

/** Waits for as long as a backoff may take. */
const afterBackoff = (scene: HttpScene): void => scene.sweep(1_000);

function attemptsOf({ attempts = [] }: RequestLine): unknown[] {
  return attempts.map((attempt) => {
    const { status, retry, error } = attempt as { status?: number; retry?: string; error?: string };
    return [status ?? error, retry];
  });
}

/** The backends that were dialled, in that order; each was connected as it was asked for. */
const address = ({ socket }: FakeBackend, scene: HttpScene): number => scene.plane.dialled.indexOf(socket);

describe("a request that fails on a backend", () => {
  test("goes to another one, where the route says so, and its client sees one answer", async () => {
    const counted = '{ set = { x-attempt = "\u0024{attempt}" } }';
    const scene = await HttpScene.of(
      route(`{ ${now} }`, `request_headers = ${counted}\nresponse_headers = ${counted}`),
      noLimit,
    );
    const client = scene.accept();
    client.receive(get());
    const first = scene.backend();
    assert.match(first.got, /x-attempt: 1\r/);
    first.send(busy);
    const second = scene.backend();
    assert.equal(address(second, scene), 1);
    assert.match(second.got, /x-attempt: 2\r/);
    second.socket.fail("ECONNRESET");
    scene.backend().send(ok);
    assert.match(writtenTo(client), /^HTTP\/1\.1 200 .*x-attempt: 3\r.*hello$/s);
    const line = scene.requests.at(-1)!;
    assert.deepEqual([line.reason, line.status], ["served", 200]);
    assert.deepEqual(attemptsOf(line), [
      [503, "made"],
      ["reset", "made"],
      [undefined, undefined],
    ]);
    scene.plane.holds({ leases: [0, 0, 0], waiting: 0 });
    assert.deepEqual([...scene.plane.shared.backendErrors.subarray(0, 3)], [1, 1, 0]);
    scene.finish();
  });

  test("is made again where it is a call of gRPC that ended before a message, for a status that the route names", async () => {
    const call = Buffer.from(
      "POST /a.B/C HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/grpc\r\nContent-Length: 5\r\n\r\nhello",
    );
    const ended = (status: number): string =>
      `HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nGrpc-Status: ${status}\r\nContent-Length: 0\r\n\r\n`;
    const scene = await HttpScene.of(route(`{ on = ["grpc-unavailable"], ${now} }`), noLimit);
    const client = scene.accept();
    client.receive(call);
    scene.backend().send(ended(14));
    const second = scene.backend();
    assert.equal(address(second, scene), 1);
    assert.match(second.got, /\r\n\r\nhello$/);
    second.send(ended(13));
    assert.match(writtenTo(client), /^HTTP\/1\.1 200 OK\r\n.*Grpc-Status: 13\r\n/s);
    const line = scene.requests.at(-1)!;
    assert.deepEqual([line.reason, line.status], ["served", 200]);
    assert.deepEqual(attemptsOf(line), [
      ["grpc-unavailable", "made"],
      [undefined, undefined],
    ]);
    // The backends have answered.
    assert.deepEqual([...scene.plane.shared.backendErrors.subarray(0, 3)], [0, 0, 0]);
    // Of another request the status says nothing.
    client.receive(put("hello", "POST"));
    scene.backend().send(ended(14));
    assert.equal(scene.requests.at(-1)!.attempts!.length, 1);
    scene.finish();
  });

  test("is passed on as it is where it was sent as often as it may be, or in chunks", async () => {
    const scene = await HttpScene.of(route(`{ attempts = 1, ${now} }`), noLimit);
    const client = scene.accept();
    client.receive(get());
    scene.backend().send("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n");
    scene.backend().send("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
    assert.match(writtenTo(client), /^HTTP\/1\.1 503 .*two\r\n0\r\n\r\n$/s);
    assert.doesNotMatch(writtenTo(client), /one/);
    assert.deepEqual(attemptsOf(scene.requests.at(-1)!), [
      [503, "made"],
      [503, "attempts"],
    ]);
    scene.finish();
  });

  test("waits a little, and goes nowhere if its client leaves meanwhile", async () => {
    const scene = await HttpScene.of(route('{ backoff = { base = "1m", max = "1m" } }'), noLimit);
    const client = scene.accept();
    client.receive(get());
    scene.backend().send(busy);
    assert.equal(scene.plane.dialled.length, 1);
    scene.plane.holds({ leases: [0, 0, 0], waiting: 0 });
    scene.sweep(60_000);
    assert.equal(scene.plane.dialled.length, 2);
    scene.backend().send(busy);
    client.fail("ECONNRESET");
    scene.sweep(120_000);
    assert.equal(scene.plane.dialled.length, 2);
    assert.equal(scene.requests.at(-1)!.reason, "client_reset");
    scene.finish();
  });

  test("stays with the last one where there is no other", async () => {
    const scene = await HttpScene.of(route(`{ ${now} }`), { ...noLimit, backends: 1 });
    const client = scene.accept();
    client.receive(get());
    scene.backend().send(busy);
    scene.backend().send(ok);
    assert.match(writtenTo(client), /^HTTP\/1\.1 200 /);
    scene.finish();
  });

  test("is made where no backend could be connected at first, whatever the method: nothing was sent", async () => {
    for (const [toml, tries] of [
      [route(`{ attempts = 3, ${now} }`), 3],
      ["", 1],
      [route(`{ on = ["reset"], ${now} }`), 0],
    ] as const) {
      const scene = await HttpScene.of(toml, { ...noLimit, backends: 1 });
      const client = scene.accept();
      client.receive(put("x", "POST"));
      for (let count = 0; count < tries; count++) {
        scene.plane.dialled.at(-1)!.fail("ECONNREFUSED");
        afterBackoff(scene);
      }
      assert.equal(scene.plane.dialled.length, tries + 1);
      scene.plane.dialled.at(-1)!.fail("ECONNREFUSED");
      assert.match(writtenTo(client), /^HTTP\/1\.1 503 .*connect_failed/s);
      assert.equal(scene.plane.dialled.length, tries + 1);
      scene.finish();
    }
  });

  test("is told truthfully where the next attempt has no backend", async () => {
    const scene = await HttpScene.of(route(`{ attempts = 1, ${now} }`), { ...noLimit, backends: 2 });
    const client = scene.accept();
    client.receive(get());
    scene.backend().send(busy);
    scene.plane.dialled.at(-1)!.fail("ECONNREFUSED");
    assert.match(writtenTo(client), /^HTTP\/1\.1 502 .*retry_failed \(connect_failed\)/s);
    scene.finish();
  });

  test("is sent once only without a retry table, and where it may not be sent twice", async () => {
    for (const [toml, request] of [
      ["", get()],
      [route(`{ ${now} }`), put("x", "POST")],
    ] as const) {
      const scene = await HttpScene.of(toml, noLimit);
      const client = scene.accept();
      client.receive(request);
      scene.backend().send(busy);
      afterBackoff(scene);
      assert.equal(scene.plane.dialled.length, 1);
      assert.match(writtenTo(client), /^HTTP\/1\.1 503 .*busy$/s);
      scene.finish();
    }
  });

  test("is within the budget of its pool", async () => {
    const connect = { timeout: 1_000, attempts: 3, retryBudget: { percent: 20, min: 0 } };
    const http = { ...poolHttp, idle: 0 };
    const scene = await HttpScene.of(route(`{ ${now} }`), { pool: { connect, http } });
    const statuses: unknown[] = [];
    for (let count = 0; count < 10; count++) {
      const client = scene.accept();
      client.receive(get());
      scene.backend().send(busy);
      if (writtenTo(client) === "") scene.backend().send(ok);
      statuses.push(attemptsOf(scene.requests.at(-1)!)[0]);
      client.receiveEnd();
    }
    assert.equal(statuses.filter((status) => String(status) === "503,made").length, 2);
    assert.equal(statuses.filter((status) => String(status) === "503,budget").length, 8);
    scene.finish();
  });

  test("does not wait for a backend that is slow to answer longer than timeouts.try", async () => {
    const scene = await HttpScene.of(route(`{ attempts = 1, ${now} }`, 'timeouts = { try = "5s" }'), noLimit);
    const client = scene.accept();
    client.receive(get());
    scene.backend();
    scene.sweep(4_000);
    assert.equal(scene.plane.dialled.length, 1);
    scene.sweep(5_500);
    assert.equal(scene.plane.dialled.length, 2);
    scene.backend();
    scene.sweep(5_500);
    assert.match(writtenTo(client), /^HTTP\/1\.1 504 .*try_timeout/s);
    scene.finish();
  });
});

describe("a request that failed on a backend, and then finds no other one", () => {
  /** Of two backends, the one that was asked is lost, and the other one cannot be connected. */
  async function stranded(
    toml: string,
    request = get(),
    pool: HttpSettings["pool"] = noLimit.pool,
  ): Promise<{ scene: HttpScene; client: FakeSocket }> {
    const scene = await HttpScene.of(toml, { pool, backends: 2 });
    const client = scene.accept();
    client.receive(request);
    scene.backend().socket.fail("ECONNRESET");
    if (scene.plane.dialled.length === 1) afterBackoff(scene);
    if (scene.plane.dialled.length > 1) scene.plane.dialled.at(-1)!.fail("ECONNREFUSED");
    return { scene, client };
  }

  test("goes once more to the one that was asked before, which is not the one that failed last", async () => {
    const { scene, client } = await stranded(route(`{ ${now} }`));
    assert.equal(scene.plane.dialled.length, 3);
    scene.backend().send(ok);
    assert.match(writtenTo(client), /^HTTP\/1\.1 200 .*hello$/s);
    const line = scene.requests.at(-1)!;
    assert.deepEqual(attemptsOf(line), [
      ["reset", "made"],
      ["ECONNREFUSED", "made"],
      [undefined, undefined],
    ]);
    const [asked, refused, last] = line.attempts!.map(({ backend }) => backend);
    assert.notEqual(asked, refused);
    assert.equal(last, asked);
    scene.plane.holds({ leases: [0, 0, 0], waiting: 0 });
    const first = scene.pool.definition.counters + poolCell.requestRetries;
    const made = (cause: RetryCause): number => scene.plane.counters[first + retryCauseList.indexOf(cause)]!;
    assert.deepEqual([made("reset"), made("connect-failed"), made("status")], [1, 1, 0]);
    scene.finish();
  });

  test("waits for the backoff before it", async () => {
    const { scene, client } = await stranded(route('{ backoff = { base = "1s", max = "1m" } }'));
    assert.equal(scene.plane.dialled.length, 2);
    scene.plane.holds({ leases: [0, 0, 0], waiting: 0 });
    scene.sweep(60_000);
    assert.equal(scene.plane.dialled.length, 3);
    scene.backend().send(ok);
    assert.match(writtenTo(client), /hello$/);
    scene.finish();
  });

  test("ends after as many attempts as its route allows, and is told of the last one that reached a backend", async () => {
    const { scene, client } = await stranded(route(`{ attempts = 3, ${now} }`));
    // Each time one backend, then the other one, until no attempt is left.
    for (let count = 0; count < 20 && writtenTo(client) === ""; count++)
      scene.plane.dialled.at(-1)!.fail("ECONNREFUSED");
    assert.match(writtenTo(client), /^HTTP\/1\.1 502 .*backend_reset \(connect_failed\)/s);
    const retries = attemptsOf(scene.requests.at(-1)!).map((attempt) => (attempt as unknown[])[1]);
    assert.equal(retries.filter((retry) => retry === "made").length, 3);
    assert.equal(retries.at(-1), "attempts");
    scene.plane.holds({ leases: [0, 0, 0], waiting: 0 });
    scene.finish();
  });

  test("goes nowhere where the route does not name connect-failed", async () => {
    const { scene, client } = await stranded(route(`{ on = ["reset"], ${now} }`));
    assert.equal(scene.plane.dialled.length, 2);
    assert.match(writtenTo(client), /^HTTP\/1\.1 502 /);
    scene.finish();
  });

  test("goes nowhere beyond the budget of its pool", async () => {
    const connect = { timeout: 1_000, attempts: 3, retryBudget: { percent: 100, min: 0 } };
    const { scene, client } = await stranded(route(`{ attempts = 9, ${now} }`), get(), { connect });
    assert.equal(attemptsOf(scene.requests.at(-1)!).at(-1)?.toString(), "ECONNREFUSED,budget");
    assert.match(writtenTo(client), /^HTTP\/1\.1 502 /);
    scene.finish();
  });

  test("is sent once where a byte of it went out and its method may not be sent twice", async () => {
    const { scene, client } = await stranded(route(`{ attempts = 9, ${now} }`), put("x", "POST"));
    assert.equal(scene.plane.dialled.length, 1);
    assert.match(writtenTo(client), /^HTTP\/1\.1 502 .*backend_reset/s);
    scene.finish();
  });

  test("ends there without a retry table: its one other attempt was made", async () => {
    const scene = await HttpScene.of("", { ...noLimit, backends: 2 });
    const client = scene.accept();
    client.receive(get());
    const kept = scene.backend();
    kept.send(ok);
    // The next request of the other backend, so that the one after that takes the connection that is kept.
    scene.accept().receive(get());
    scene.backend().send(ok);
    const before = client.written.length;
    client.receive(get());
    kept.socket.fail("ECONNRESET");
    for (let count = 0; count < 2; count++) scene.plane.dialled.at(-1)!.fail("ECONNREFUSED");
    assert.equal(scene.plane.dialled.length, 4);
    assert.match(writtenTo(client).slice(before), /HTTP\/1\.1 502 .*backend_reset \(connect_failed\)/s);
    assert.deepEqual(attemptsOf(scene.requests.at(-1)!), [
      ["reused-reset", "made"],
      ["ECONNREFUSED", undefined],
      ["ECONNREFUSED", "attempts"],
    ]);
    scene.finish();
  });
});

describe("the body of a request that is sent again", () => {
  test("is kept, also what comes between two attempts", async () => {
    const scene = await HttpScene.of(route('{ backoff = { base = "1m", max = "1m" } }'), noLimit);
    const client = scene.accept();
    client.receive(
      Buffer.from("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    );
    const first = scene.backend();
    client.flow();
    client.receive(Buffer.from("2\r\nde\r\n"));
    assert.match(first.got, /3\r\nabc\r\n2\r\nde\r\n$/);
    first.socket.fail("ECONNRESET");
    client.receive(Buffer.from("1\r\nf\r\n"));
    scene.sweep(60_000);
    const second = scene.backend();
    client.flow();
    client.receive(Buffer.from("0\r\n\r\n"));
    assert.match(second.got, /\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n$/);
    second.send(ok);
    assert.match(writtenTo(client), /hello$/);
    scene.finish();
  });

  test("is not kept where it is too large: then it passes, and is sent once", async () => {
    const scene = await HttpScene.of(route(`{ buffer = "4B", ${now} }`), noLimit);
    for (const [body, times] of [
      ["abcd", 2],
      ["abcde", 1],
    ] as const) {
      const before = scene.plane.dialled.length;
      const client = scene.accept();
      client.receive(put(body));
      const backend = scene.backend();
      assert.ok(backend.got.endsWith(body));
      backend.send(busy);
      assert.equal(scene.plane.dialled.length - before, times);
      if (times === 2) {
        const again = scene.backend();
        assert.ok(again.got.endsWith(body));
        again.send(ok);
      }
      assert.equal(writtenTo(client).startsWith("HTTP/1.1 200"), times === 2);
      client.receiveEnd();
    }
    assert.deepEqual(attemptsOf(scene.requests.at(-1)!), [[503, "body"]]);
    scene.finish();
  });

  test("may be a POST's, where the route says so", async () => {
    const scene = await HttpScene.of(route(`{ methods = ["POST"], ${now} }`), noLimit);
    const client = scene.accept();
    client.receive(put("x", "POST"));
    scene.backend().socket.fail("ECONNRESET");
    const again = scene.backend();
    assert.match(again.got, /^POST .*x$/s);
    again.send(ok);
    assert.match(writtenTo(client), /hello$/);
    scene.finish();
  });
});

test("a backend is as fast as it answers, not as it connects or refuses", async () => {
  const scene = await HttpScene.of("", {
    backends: 1,
    pool: { ...noLimit.pool, picker: { type: "peak-ewma", decay: 10_000 } },
  });
  const { backendLatency } = scene.plane.shared;
  scene.accept().receive(get());
  const backend = scene.backend();
  assert.equal(backendLatency[0], 0, "nothing is known before it answers");
  backend.send(busy);
  assert.ok(backendLatency[0]! >= 1_000_000, `${backendLatency[0]} µs`);
  scene.finish();
});

describe("what a backend is blamed for", () => {
  const blamed = async (
    toml: string,
    act: (scene: HttpScene, backend: FakeBackend) => void,
  ): Promise<number> => {
    const scene = await HttpScene.of(toml, { ...noLimit, backends: 1 });
    scene.accept().receive(get());
    act(scene, scene.backend());
    const errors = scene.plane.shared.backendErrors[0]!;
    scene.finish();
    return errors;
  };
  const answers = (status: number) => (_: HttpScene, backend: FakeBackend) =>
    void backend.send(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);

  test("answers with 502, 503 and 504, passed on or not; no other status", async () => {
    for (const status of [200, 404, 429, 500])
      assert.equal(await blamed("", answers(status)), 0, `${status}`);
    for (const status of [502, 503, 504]) {
      assert.equal(await blamed("", answers(status)), 1, `${status}`);
      assert.equal(await blamed(route(`{ ${now} }`), answers(status)), 1, `${status}, sent again`);
    }
  });

  test("answers that do not begin in time, and resets before them", async () => {
    const late = (scene: HttpScene): void => scene.sweep(61_000);
    assert.equal(await blamed("", late), 1);
    assert.equal(await blamed(route(`{ ${now} }`, 'timeouts = { try = "1s" }'), late), 1);
    assert.equal(await blamed("", (_, { socket }) => socket.fail("ECONNRESET")), 1);
  });

  test("not that it closes a connection that was idle", async () => {
    const errors = await blamed("", (scene, backend) => {
      backend.send(ok);
      scene.accept().receive(get());
      backend.end();
    });
    assert.equal(errors, 0);
  });
});

test("503 for want of a backend says when the first one will be back, where that is known", async () => {
  for (const [known, field] of [
    [0, undefined],
    [20, "20"],
  ] as const) {
    const scene = await HttpScene.of("");
    const { shared } = scene.plane;
    for (const slot of [0, 1, 2]) shared.backendFlags[slot] = backendFlag.ejected;
    readTime();
    shared.poolBackAt[0] = known === 0 ? 0 : Math.ceil(sharedClock.now / 1_000) + known - 1;
    const client = scene.accept();
    client.receive(get());
    const answer = writtenTo(client);
    assert.match(answer, /^HTTP\/1\.1 503 .*no_backend/s);
    assert.equal(/retry-after: (\d+)/.exec(answer)?.[1], field);
    scene.finish();
  }
});
