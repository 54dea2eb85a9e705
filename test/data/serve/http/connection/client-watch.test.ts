import assert from "node:assert/strict";
import { test } from "node:test";
import { clock } from "../../../../../src/data/clock.ts";
import { HttpScene } from "../../../../support/http-scene.ts";

const get = Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
const part = "x".repeat(1_000);
const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";

/** A tick of the sweep at this time, in milliseconds from the begin. */
function tick(scene: HttpScene, began: number, at: number): void {
  clock.now = began + at;
  scene.sweep(began + at - performance.now());
}

test("a client that takes nothing of an answer is cut off, and named", async () => {
  const scene = await HttpScene.of('[listeners.web.timeouts]\nidle = "10m"\n');
  const client = scene.accept();
  client.receive(get);
  const backend = scene.backend();
  client.fill();
  backend.send(head + part);
  const began = performance.now();
  tick(scene, began, 0);
  tick(scene, began, 59_000);
  assert.ok(!client.destroyed);
  tick(scene, began, 61_000);
  assert.ok(client.wasReset);
  assert.equal(scene.plane.ends.client_stalled, 1);
  scene.finish();
});

test("a client that takes an answer slowly is not idle", async () => {
  const scene = await HttpScene.of('[listeners.web.timeouts]\nidle = "30s"\n');
  const client = scene.accept();
  client.receive(get);
  const backend = scene.backend();
  client.fill();
  backend.send(head + part);
  const began = performance.now();
  for (let at = 0; at <= 120_000; at += 20_000) {
    client.writableLength -= 10;
    tick(scene, began, at);
    assert.ok(!client.destroyed, `after ${at} ms`);
  }
  assert.equal(scene.requests.length, 0);
  for (let at = 140_000; at <= 160_000; at += 20_000) tick(scene, began, at);
  assert.equal(scene.requests.at(-1)!.reason, "idle_timeout");
  scene.finish();
});
