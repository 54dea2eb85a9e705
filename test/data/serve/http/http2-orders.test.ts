import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HttpScene } from "../../../support/http-scene.ts";
import { clients, type Step, step, World } from "../../../support/http2-world.ts";
import { ScriptedBackend, type Wanted } from "../../../support/scripted-backend.ts";

test("whatever happens in whatever order: each stream has one answer that is whole, or an error; nothing stays behind", async () => {
  const prepared = await HttpScene.of('[listeners.web.http]\nversions = ["2"]');
  let whole = 0;
  await fc.assert(
    fc.property(clients, fc.array(step, { minLength: 10, maxLength: 150 }), (named, steps) => {
      const world = new World(prepared.again(), named, (socket) => new ScriptedBackend(socket));
      for (const one of steps) world.take(one);
      whole += world.end(({ answer }) => answer === "close");
      const { seen } = world;
      for (const path of new Set(seen))
        assert.ok(seen.filter((each) => each === path).length <= 2, `${path} was sent too often`);
    }),
    { numRuns: Number(process.env["RUNS"] ?? 150) },
  );
  assert.ok(whole > 0);
});

test("a connection of a listener that has left chooses no pool behind its last GOAWAY, and ends with its last answer", async () => {
  const prepared = await HttpScene.of('[listeners.web.http]\nversions = ["2"]');
  const wanted: Wanted = { id: "0", method: "GET", body: "none", answer: "length", fault: "" };
  const world = new World(prepared.again(), [[wanted]], (socket) => new ScriptedBackend(socket));
  const { scene, people } = world;
  const goOn = (what: Step["what"]): void => world.take({ what, which: 0, size: 1_000 });
  for (const what of ["tick", "client sends", "tick", "connect"] as const) goOn(what);
  scene.listener.isRetired = true;
  assert.equal(scene.listener.undecided, 1);
  // It is due to be told within 2 s; the client's engine answers the PING at once.
  goOn("tick");
  scene.sweep(3_000);
  for (let turn = 0; turn < 3; turn++) goOn("tick");
  assert.equal(scene.listener.undecided, 0);
  assert.equal(scene.plane.open.size, 1);
  goOn("backend answers");
  assert.equal(people[0]!.outcomes[0]!.text, "answer to 0");
  assert.ok(people[0]!.socket.writableEnded, "the connection stayed open");
  scene.finish();
});
