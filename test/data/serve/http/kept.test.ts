import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fakeBackends } from "../../../support/fake-plane.ts";
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

test("a connection that was made before the way changed serves its request to the end, and no other", async () => {
  const scene = await HttpScene.of("", { backends: 1, pool: { http: { ...poolHttp, idle: 60_000 } } });
  const client = scene.accept();
  client.receive(get);
  const old = scene.backend();
  const { definition } = scene.pool;
  scene.pool.prepare({ ...definition, connect: { ...definition.connect, sources: ["127.0.0.1"] } })();
  old.send(ok);
  client.receive(get);
  assert.equal(scene.plane.dialled.length, 2);
  assert.ok(old.socket.destroyed);
  scene.backend().send(ok);
  client.receive(get);
  assert.equal(scene.plane.dialled.length, 2, "the new one is used again");
  scene.finish();
});

test("of one pool, connections to a backend that gets a PROXY header are not kept, and others are", async () => {
  const [first, second] = fakeBackends;
  const backends = [first!, { ...second!, transportLabels: [{ via: "1" }] }];
  const transports = [{ labels: { via: "1" }, tls: undefined, proxyProtocol: "v1" as const }];
  const scene = await HttpScene.of("", { pool: { backends, transports } });
  const client = scene.accept();
  for (const header of ["", "PROXY TCP4 "]) {
    client.receive(get);
    const backend = scene.backend();
    assert.ok(backend.got.startsWith(`${header}${header === "" ? "GET" : ""}`), backend.got);
    backend.send(ok);
  }
  assert.equal(scene.plane.kept.size, 1);
  scene.finish();
});
