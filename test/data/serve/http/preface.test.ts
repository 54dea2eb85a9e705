import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { get, headers, hello, Listener } from "../../../http/http2/wire.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";

const request = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";

/** The answer to a client that sent these pieces, and the bytes that its backend got. */
async function outcomeOf(scene: HttpScene, pieces: readonly Buffer[]) {
  const client = scene.accept();
  for (const piece of pieces) {
    client.receive(piece);
    client.flow();
    scene.flush();
  }
  return client;
}

const halves = (bytes: Buffer, at: number): Buffer[] =>
  [bytes.subarray(0, at), bytes.subarray(at)].filter(({ length }) => length > 0);

describe("a listener without TLS that speaks both versions", async () => {
  const prepared = await HttpScene.of();

  test("serves HTTP/2 where a client begins so, wherever its first bytes are split", async () => {
    const bytes = Buffer.concat([hello, headers(1, get)]);
    for (let at = 0; at <= 40; at++) {
      const scene = prepared.again();
      const client = await outcomeOf(scene, halves(bytes, at));
      const backend = scene.backend();
      assert.match(backend.got, /^GET \/ HTTP\/1\.1\r\n/, `split at ${at}`);
      backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      scene.flush();
      const listener = new Listener();
      for (const written of client.written) listener.hear(written);
      assert.equal(listener.bodies.get(1)?.toString(), "ok", `split at ${at}`);
      assert.equal(scene.plane.listenerCount("received"), bytes.length);
      scene.finish();
    }
  });

  test("serves HTTP/1 where it begins otherwise, wherever that is split", async () => {
    for (const method of ["GET", "POST", "PRI", "PRIVATE"])
      for (let at = 0; at <= 12; at++) {
        const bytes = Buffer.from(request.replace("GET", method));
        const scene = prepared.again();
        const client = await outcomeOf(scene, halves(bytes, at));
        assert.ok(scene.backend().got.startsWith(`${method} /a HTTP/1.1\r\n`), `${method} split at ${at}`);
        assert.equal(scene.plane.listenerCount("received"), bytes.length);
        assert.equal(writtenTo(client), "");
        scene.finish();
      }
  });

  test("answers in HTTP/1 what only looks like the begin of HTTP/2", async () => {
    const scene = prepared.again();
    const client = await outcomeOf(scene, [Buffer.from("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")]);
    assert.match(writtenTo(client), /^HTTP\/1\.1 [45]\d\d /);
    scene.finish();
  });

  test("lets go of a client that stops within its first bytes, or says nothing", async () => {
    for (const begin of ["", "PRI * HT"]) {
      const scene = prepared.again();
      const client = scene.accept();
      client.receive(Buffer.from(begin));
      client.receiveEnd();
      assert.ok(client.writableEnded);
      assert.equal(writtenTo(client), "");
      scene.finish();
      const silent = prepared.again();
      silent.accept().receive(Buffer.from(begin));
      silent.sweep(76_000);
      assert.ok(silent.clients[0]!.writableEnded);
      silent.finish();
    }
  });
});

test("a listener that speaks HTTP/1.1 alone does not change to HTTP/2", async () => {
  const scene = await HttpScene.of('[listeners.web.http]\nversions = ["1.1"]\n');
  const client = await outcomeOf(scene, [hello]);
  assert.match(writtenTo(client), /^HTTP\/1\.1 505 /);
  scene.finish();
});
