import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HttpScene } from "../../../support/http-scene.ts";
import { clients, step, World } from "../../../support/http2-world.ts";
import { lingerToTheEnd } from "../../../support/lingering.ts";
import { poolHttp } from "../../../support/pool-http.ts";
import { ScriptedHttp2Backend } from "../../../support/scripted-http2-backend.ts";

test("over shared connections, too, each stream has one whole answer or an error, and nothing stays behind", async () => {
  const prepared = await HttpScene.of('[listeners.web.http]\nversions = ["2"]', {
    pool: { http: { ...poolHttp, version: "2" } },
  });
  let whole = 0;
  await fc.assert(
    fc.property(clients, fc.array(step, { minLength: 10, maxLength: 150 }), (named, steps) => {
      const world = new World(prepared.again(), named, (socket) => new ScriptedHttp2Backend(socket));
      for (const one of steps) world.take(one);
      for (const one of world.scene.plane.open) one.end("stopped");
      world.scene.plane.sharedUpstreams.close();
      for (const socket of world.scene.plane.dialled) socket.drain();
      lingerToTheEnd();
      whole += world.end();
      const methods = new Map(named.flat().map(({ id, method }) => [`/${id}`, method]));
      const { seen } = world;
      for (const path of new Set(seen)) {
        const times = seen.filter((each) => each === path).length;
        assert.ok(times <= (methods.get(path) === "POST" ? 1 : 2), `${path} was taken ${times} times`);
      }
    }),
    { numRuns: Number(process.env["RUNS"] ?? 600) },
  );
  assert.ok(whole > 30, `${whole} whole answers`);
});
