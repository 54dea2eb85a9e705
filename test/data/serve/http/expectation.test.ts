import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";

const head = Buffer.from(
  "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
);
const body = Buffer.from("hello");
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const continued = "HTTP/1.1 100 Continue\r\n\r\n";

describe("a client that waits for a 100", () => {
  test("gets that of the backend, which is told of it", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(head);
    const backend = scene.backend();
    assert.match(backend.got, /\r\nExpect: 100-continue\r\n/);
    backend.send(continued);
    assert.equal(writtenTo(client), continued);
    client.flow();
    client.receive(body);
    assert.match(backend.got, /\r\n\r\nhello$/);
    backend.send(ok);
    assert.match(writtenTo(client), /ok$/);
    assert.equal(scene.plane.kept.size, 1);
    scene.finish();
  });

  test("gets one after a second of silence, and not the backend's too", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(head);
    const backend = scene.backend();
    scene.sweep(900);
    assert.equal(writtenTo(client), "");
    scene.sweep(1_100);
    scene.sweep(2_200);
    assert.equal(writtenTo(client), continued);
    client.flow();
    client.receive(body);
    backend.send(continued + ok);
    assert.match(writtenTo(client).slice(continued.length), /^HTTP\/1\.1 200 /);
    scene.finish();
  });

  test("gets none once it has sent its body unasked", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(Buffer.concat([head, body]));
    const backend = scene.backend();
    scene.sweep(1_100);
    assert.equal(writtenTo(client), "");
    backend.send(ok);
    assert.match(writtenTo(client), /^HTTP\/1\.1 200 /);
    scene.finish();
  });

  test("may get its answer instead, and is told that the connection ends", async () => {
    const scene = await HttpScene.of();
    const client = scene.accept();
    client.receive(head);
    scene.backend().send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    assert.match(writtenTo(client), /^HTTP\/1\.1 401 (?:.*\r\n)*connection: close\r\n/);
    assert.ok(client.writableEnded && !client.wasReset);
    scene.finish();
  });
});
