import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpScene } from "../../../../support/http-scene.ts";
import { type Step, World } from "../../../../support/http2-world.ts";
import { ScriptedBackend, type Wanted } from "../../../../support/scripted-backend.ts";

const wanted = (count: number): Wanted[] =>
  Array.from({ length: count }, (_, index) => ({
    id: String(index),
    method: "GET",
    body: "none",
    answer: "length",
    fault: "",
  }));

/** A client of a listener, and what happens to it. */
async function start(toml: string, requests: number) {
  const scene = await HttpScene.of(`[listeners.web.http]\nversions = ["2"]\n${toml}`);
  const world = new World(scene, [wanted(requests)], (socket) => new ScriptedBackend(socket));
  const goOn = (what: Step["what"]): void => world.take({ what, which: 0, size: 1_001 });
  // Until both sides have agreed to SETTINGS.
  for (let turn = 0; turn < 3; turn++) goOn("tick");
  return { scene, goOn, person: world.people[0]! };
}

test("a client that says nothing is asked whether it is there, and ends where it does not answer", async () => {
  const { scene, goOn, person } = await start(
    '[listeners.web.http2]\nping = { interval = "20s", timeout = "5s" }',
    1,
  );
  scene.sweep(19_000);
  const before = person.socket.written.length;
  scene.flush();
  assert.equal(person.socket.written.length, before, "it was asked too early");
  scene.sweep(21_000);
  // It answers.
  for (let turn = 0; turn < 2; turn++) goOn("tick");
  scene.sweep(27_000);
  assert.equal(scene.plane.open.size, 1);
  // It does not, the next time.
  scene.sweep(31_000);
  assert.equal(scene.plane.open.size, 1);
  scene.sweep(33_000);
  assert.equal(scene.plane.open.size, 0);
  assert.equal(scene.plane.lines.at(-1)!.reason, "ping_timeout");
  scene.finish();
});

test("where nobody asks for it, no client is asked", async () => {
  const { scene, person } = await start("", 1);
  const before = person.socket.written.length;
  scene.sweep(60_000);
  scene.flush();
  assert.equal(person.socket.written.length, before);
  scene.finish();
});

test("each request of a connection but one counts as a connection where those are spread over workers", async () => {
  const { scene, goOn } = await start("", 4);
  const load = (): number => scene.plane.shared.workerOpen[0]!;
  assert.equal(load(), 1);
  for (const expected of [1, 2, 3, 4]) {
    goOn("client sends");
    goOn("tick");
    assert.equal(load(), expected);
  }
  goOn("connect");
  for (let count = 0; count < 8; count++) goOn("backend answers");
  assert.equal(load(), 1);
  scene.finish();
  assert.equal(load(), 0);
});
