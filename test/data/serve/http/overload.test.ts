import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryShort, mostRequests, noLimit, openRequests } from "../../../../src/channel/memory.ts";
import type { FakeSocket } from "../../../support/fake-socket.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";

const get = (path = "/"): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const health = '[routes.health]\npath = "/health"\nrespond = { body = "fine" }\n';

function ask(scene: HttpScene, path?: string): FakeSocket {
  const client = scene.accept();
  client.receive(get(path));
  return client;
}

const overloaded = (toml = ""): Promise<HttpScene> =>
  HttpScene.of(`[listeners.web.http]\n${toml}\n${health}`);

test("the newest of too many requests is refused, and what umay answers itself is served", async () => {
  for (const [toml, process, cause] of [
    ["max_requests = 2", noLimit, "listener_requests"],
    ["", 2, "process_requests"],
  ] as const) {
    const scene = await overloaded(toml);
    scene.plane.shared.process[mostRequests] = process;
    const first = ask(scene);
    const backend = scene.backend();
    ask(scene);
    const third = ask(scene);
    assert.match(
      writtenTo(third),
      new RegExp(`^HTTP/1\\.1 503 .*retry-after: 1\\r\\n.*overloaded \\(${cause}\\)`, "s"),
    );
    assert.match(writtenTo(ask(scene, "/health")), /^HTTP\/1\.1 200 .*fine$/s);
    assert.equal(scene.plane.dialled.length, 2);
    backend.send(ok);
    assert.match(writtenTo(first), /^HTTP\/1\.1 200 /);
    assert.equal(writtenTo(ask(scene)), "", "its place is free again");
    scene.finish();
    assert.equal(scene.plane.shared.process[openRequests], 0);
    assert.equal(scene.plane.shared.listenerRequests[0], 0);
  }
});

test("a worker that is late refuses a share, one without memory all, and nobody else", async () => {
  const scene = await overloaded();
  const load = scene.plane.load as { share: number; isHeapShort: boolean };
  load.share = 1_000;
  assert.match(writtenTo(ask(scene)), /503 .*overloaded \(event_loop\)/s);
  load.share = 0;
  load.isHeapShort = true;
  assert.match(writtenTo(ask(scene)), /503 .*overloaded \(memory\)/s);
  load.isHeapShort = false;
  scene.plane.shared.process[memoryShort] = 1;
  assert.match(writtenTo(ask(scene)), /503 .*overloaded \(memory\)/s);
  assert.match(writtenTo(ask(scene, "/health")), /^HTTP\/1\.1 200 /);
  scene.plane.shared.process[memoryShort] = 0;
  ask(scene);
  scene.backend().send(ok);
  assert.equal(
    scene.requests.filter(({ reason }) => reason === "overloaded").length,
    0,
    "lines for refusals",
  );
  scene.finish();
});

test("a request that began while nothing was limited does not take a place that others have", async () => {
  const scene = await overloaded();
  ask(scene);
  scene.plane.shared.process[mostRequests] = 1;
  const backend = scene.backend();
  ask(scene);
  assert.equal(scene.plane.shared.process[openRequests], 1);
  backend.send(ok);
  assert.equal(scene.plane.shared.process[openRequests], 1);
  scene.finish();
  assert.equal(scene.plane.shared.process[openRequests], 0);
});
