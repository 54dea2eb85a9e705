import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { poolCell } from "../../../../../src/channel/counters.ts";
import { type MirrorOutcome, mirrorOutcomeList } from "../../../../../src/model/http/mirror.ts";
import { fakePool } from "../../../../support/fake-plane.ts";
import { FakeBackend, HttpScene, writtenTo } from "../../../../support/http-scene.ts";

const get = Buffer.from("GET /a?b HTTP/1.1\r\nHost: a.test\r\n\r\n");
const chunkedPost = Buffer.from("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const chunk = (size: number): Buffer => Buffer.from(`${size.toString(16)}\r\n${"x".repeat(size)}\r\n`);

/** Every pool is the one of the scene, so the copy has the first backend and the request the second. */
const scene = (settings = "", more = ""): Promise<HttpScene> =>
  HttpScene.of(
    `[routes.all]\npath_prefix = "/"\npool = "app"\nmirror = [{ pool = "shadow"${settings} }]\n${more}
    [pools.shadow.discovery]\ntype = "static"\nbackends = ["127.0.0.1:81"]\n`,
  );

/** The same, but the first connection is for the question whether a request may pass. */
const guardedScene = (): Promise<HttpScene> =>
  scene("", 'auth = ["sso"]\n[auth.sso]\ntype = "forward"\npool = "app"\npath = "/verify"');
const pass = "HTTP/1.1 204 Yes\r\nConnection: close\r\n\r\n";

function sides(one: HttpScene, from = 0): [copy: FakeBackend, request: FakeBackend] {
  const [copy, request] = one.plane.dialled.slice(from).map((socket) => {
    socket.connect("connect");
    return new FakeBackend(socket);
  });
  return [copy!, request!];
}

const counted = ({ plane }: HttpScene, outcome: MirrorOutcome): number =>
  plane.counters[fakePool.counters + poolCell.mirrored + mirrorOutcomeList.indexOf(outcome)]!;

describe("the copy of a request", () => {
  test("has the same head and body, and its answer goes nowhere", async () => {
    const one = await scene();
    const client = one.accept();
    client.receive(chunkedPost);
    client.receive(chunk(3));
    const [copy, request] = sides(one);
    client.flow();
    client.receive(chunk(2));
    client.receive(Buffer.from("0\r\n\r\n"));
    for (const backend of [copy, request])
      assert.match(
        backend.got,
        /^POST \/ HTTP\/1\.1\r\nhost: a\.test\r\n.*\r\n\r\n3\r\nxxx\r\n2\r\nxx\r\n0\r\n\r\n$/s,
      );
    copy.send("HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nbad");
    assert.equal(writtenTo(client), "");
    request.send(ok);
    assert.match(writtenTo(client), /^HTTP\/1\.1 200 .*hello$/s);
    assert.equal(counted(one, "answered"), 1);
    assert.equal(one.plane.mirrors.size, 0);
    one.plane.holds({ leases: [0, 0, 0], waiting: 0 });
    assert.equal(one.plane.kept.size, 2);
    one.finish();
  });

  test("is never waited for: neither its backend nor its failure holds anybody up", async () => {
    const one = await scene();
    const client = one.accept();
    client.receive(get);
    const [copy, request] = sides(one);
    request.send(ok);
    assert.match(writtenTo(client), /hello$/);
    client.receiveEnd();
    assert.equal(one.plane.mirrors.size, 1, "it outlives its request");
    copy.socket.fail("ECONNRESET");
    assert.equal(counted(one, "failed"), 1);
    assert.equal(one.plane.mirrors.size, 0);
    one.finish();
  });

  test("that has no backend yet stays the same while its client sends another request", async () => {
    const one = await scene();
    const client = one.accept();
    const inner = "GET /inner HTTP/1.1\r\nHost: b.test\r\n\r\n";
    client.receive(
      Buffer.from(`POST /a?b HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`),
    );
    const [copy, request] = one.plane.dialled;
    request!.connect("connect");
    new FakeBackend(request!).send(ok);
    client.receive(Buffer.from("GET /next?c HTTP/1.1\r\nHost: next.test\r\n\r\n"));
    copy!.connect("connect");
    const { got } = new FakeBackend(copy!);
    assert.match(got, /^POST \/a\?b HTTP\/1\.1\r\nhost: a\.test\r\n/);
    assert.match(got, /\r\nx-forwarded-host: a\.test\r\n/);
    assert.ok(got.includes(`\r\ncontent-length: ${inner.length}\r\n`) && got.endsWith(`\r\n\r\n${inner}`));
    one.finish();
  });

  test("has all of the body, however much of it came while a guard waited", async () => {
    const prepared = await guardedScene();
    const sized = ["Content-Length: 6\r\n\r\n", "abc", "def"];
    const chunked = [
      "Transfer-Encoding: chunked\r\n\r\n",
      "3\r\nabc\r\n",
      "3\r\ndef\r\n",
      "0\r\nX-Sum: 1\r\n\r\n",
    ];
    for (const parts of [sized, chunked])
      for (let before = 1; before <= parts.length; before++) {
        const one = prepared.again();
        const client = one.accept();
        const read = (text: string): void => client.receive(Buffer.from(text));
        read(`POST / HTTP/1.1\r\nHost: a.test\r\n${parts.slice(0, before).join("")}`);
        one.backend().send(pass);
        const [copy, request] = sides(one, 1);
        client.flow();
        for (const part of parts.slice(before)) read(part);
        for (const [name, { got }] of Object.entries({ copy, request })) {
          const body = got.slice(got.indexOf("\r\n\r\n") + 4);
          const isWhole =
            parts === sized
              ? body === "abcdef"
              : body.replace("6\r\nabcdef", "3\r\nabc\r\n3\r\ndef").toLowerCase() ===
                parts.slice(1).join("").toLowerCase();
          assert.ok(isWhole, `${name}, ${before} parts before the verdict: ${JSON.stringify(body)}`);
        }
        request.send(ok);
        copy.send(ok);
        assert.match(writtenTo(client), /hello$/);
        assert.equal(counted(one, "answered"), 1);
        one.finish();
      }
  });

  test("counts the bytes that came while a guard waited as behind", async () => {
    const one = await guardedScene();
    const client = one.accept();
    client.receive(Buffer.concat([chunkedPost, chunk(40_000)]));
    one.backend().send(pass);
    client.flow();
    const [, request] = one.plane.dialled.slice(1);
    request!.connect("connect");
    client.receive(chunk(20_000));
    assert.equal(counted(one, "dropped"), 0);
    client.receive(chunk(10_000));
    assert.equal(counted(one, "dropped"), 1);
    one.finish();
  });

  test("ends when no answer comes in time", async () => {
    const one = await scene();
    const client = one.accept();
    client.receive(get);
    sides(one)[1].send(ok);
    one.sweep(61_000);
    assert.equal(counted(one, "failed"), 1);
    one.finish();
  });

  test("is dropped where it is too far behind, and the request goes on", async () => {
    const one = await scene();
    const client = one.accept();
    client.receive(chunkedPost);
    const [copy, request] = sides(one);
    client.flow();
    copy.socket.fill();
    for (let count = 0; count < 5; count++) client.receive(chunk(16_000));
    assert.equal(counted(one, "dropped"), 0);
    client.receive(chunk(16_000));
    assert.equal(counted(one, "dropped"), 1);
    assert.ok(copy.socket.destroyed && !request.socket.destroyed);
    client.receive(Buffer.from("0\r\n\r\n"));
    request.send(ok);
    assert.match(writtenTo(client), /hello$/);
    one.finish();
  });

  test("is not complete where the request was not", async () => {
    const one = await scene();
    const client = one.accept();
    client.receive(chunkedPost);
    const [copy] = sides(one);
    client.flow();
    client.receive(chunk(3));
    client.fail("ECONNRESET");
    assert.ok(copy.socket.wasReset);
    assert.equal(counted(one, "dropped"), 1);
    one.finish();
  });

  test("is not made where there are as many as there may be", async () => {
    const one = await scene(", max_requests = 1");
    for (let count = 0; count < 3; count++) one.accept().receive(get);
    assert.equal(one.plane.mirrors.size, 1);
    assert.equal(counted(one, "limit"), 2);
    one.finish();
  });

  test("is made of a share of the requests", async () => {
    const one = await scene(", percent = 0.001");
    for (let count = 0; count < 20; count++) one.accept().receive(get);
    assert.equal(one.plane.mirrors.size, 0);
    one.finish();
  });
});
