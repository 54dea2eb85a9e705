import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Peer } from "../support/peer.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { sessionOf } from "../support/settled.ts";

const rounds = 20;

/*
 * TLS 1.3 sends session tickets behind the handshake. When they meet a client that was reset, Node drops the error and
 * says "end" a moment later.
 */
describe("a client that acts as soon as its handshake is over", () => {
  let scene: Scene;

  before(async () => {
    scene = await startScene();
  });
  afterEach(() => scene.settle());
  after(() => scene[Symbol.asyncDispose]());

  /** @returns how the backend saw it end, and for what reason. */
  async function ended(act: (client: Peer) => void | Promise<void>): Promise<[string, string, unknown]> {
    const client = await scene.connect("tls13");
    await act(client);
    const server = await scene.backend.next();
    const ending = await server.ending();
    const said = String(await server.read(server.received).catch(() => ""));
    server.socket.destroy();
    return [ending, said, (await sessionOf(scene.umay, client))["reason"]];
  }

  test("and resets, has its backend reset", async () => {
    for (let round = 0; round < rounds; round++) {
      const [ending, , reason] = await ended(async (client) => {
        client.socket.write("cut short");
        await nextTurn();
        client.reset();
      });
      assert.equal(ending, "ECONNRESET");
      assert.match(String(reason), /^client_(reset|gone)$/);
    }
  });

  test("and ends and closes, has all that it said passed on, with a clean end", async () => {
    for (let round = 0; round < rounds; round++) {
      const [ending, said] = await ended(async (client) => {
        client.end("all that there is");
        await nextTurn();
        client.socket.destroy();
      });
      assert.deepEqual([ending, said], ["end", "all that there is"]);
    }
  });
});
