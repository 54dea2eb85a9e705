import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";
import { poolHttp } from "../../../support/pool-http.ts";

const get = Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("a connection that has waited for too long is not used, before the sweep finds it either", async () => {
  const scene = await HttpScene.of("", { backends: 1, pool: { http: { ...poolHttp, idle: 1 } } });
  const client = scene.accept();
  client.receive(get);
  const old = scene.backend();
  old.send(ok);
  assert.equal(scene.plane.kept.size, 1);
  await sleep(5);
  client.receive(get);
  assert.equal(scene.plane.dialled.length, 2);
  assert.ok(old.socket.destroyed && !old.socket.wasReset);
  scene.backend().send(ok);
  assert.match(writtenTo(client), /ok.*ok$/s);
  scene.finish();
});
