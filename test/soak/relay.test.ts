import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { type Scene, startScene } from "../support/scene.ts";
import { residentBytes } from "../support/settled.ts";
import { exchange } from "../support/transfer.ts";

const gib = 2 ** 30;

describe("the relay over a long time", () => {
  let scene: Scene;

  before(async () => {
    scene = await startScene();
  });
  afterEach(() => scene.settle());
  after(() => scene[Symbol.asyncDispose]());

  for (const transport of ["plain", "tls13"] as const)
    test(`2 GiB each way at once arrive unchanged, in bounded memory, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      const pace = { seed: 7 + transport.length, pausesPerMiB: 1, longestPause: 4 };
      const { up, down } = await exchange(client, server, 2 * gib, pace);
      assert.equal(up[0].bytes, 2 * gib);
      assert.equal(down[0].bytes, 2 * gib);
      assert.deepEqual(up[1], up[0], "from client to backend");
      assert.deepEqual(down[1], down[0], "from backend to client");
      const resident = residentBytes(scene.umay.pid) / 2 ** 20;
      assert.ok(resident < 400, `${resident} MiB`);
    });
});
