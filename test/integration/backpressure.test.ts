import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { transports } from "../support/client.ts";
import type { Peer } from "../support/peer.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { becomes, residentBytes, stalls } from "../support/settled.ts";

const mib = 2 ** 20;

/** More than all buffers of the kernel and of umay together. */
const tooMuch = 32 * mib;
/** Linux lets a connection on loopback fill up to about 4 MiB on each of the two hops. */
const kernelBuffers = 24 * mib;

/** Writes as much as the other side takes, up to {@link tooMuch}. */
function fill(peer: Peer): { written: number } {
  const piece = Buffer.alloc(mib / 4);
  const progress = { written: 0 };
  const next = (): void => {
    if (progress.written >= tooMuch) peer.end();
    else
      peer.socket.write(piece, (error) => {
        if (error) return;
        progress.written += piece.length;
        next();
      });
  };
  next();
  return progress;
}

describe("a reader that stops makes its writer stop", () => {
  let scene: Scene;

  before(async () => {
    // Otherwise what is garbage already may grow to 16 MiB before V8 looks, and be taken for the sessions'.
    scene = await startScene({ nodeArgs: ["--max-semi-space-size=2"] });
  });
  afterEach(() => scene.settle());
  after(() => scene[Symbol.asyncDispose]());

  for (const transport of transports) {
    test(`a client that does not read stops the backend until it reads again, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      client.keep = false;
      client.socket.pause();
      const progress = fill(server);
      const stopped = await stalls(() => progress.written);
      assert.ok(stopped < kernelBuffers, `the backend could write ${stopped} bytes`);
      client.socket.resume();
      await client.receivedAtLeast(tooMuch);
      client.end();
      assert.equal(await server.ending(), "end");
    });

    test(`a backend that does not read stops the client until it reads again, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      server.keep = false;
      server.socket.pause();
      const progress = fill(client);
      const stopped = await stalls(() => progress.written);
      assert.ok(stopped < kernelBuffers, `the client could write ${stopped} bytes`);
      server.socket.resume();
      await server.receivedAtLeast(tooMuch);
      server.end();
      assert.equal(await client.ending(), "end");
    });

    test(`a direction that is stuck does not stop the other one, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      client.socket.pause();
      server.keep = false;
      const down = fill(server);
      await stalls(() => down.written);
      fill(client);
      await server.receivedAtLeast(tooMuch);
      client.reset();
    });
  }

  test("a session that is stuck both ways holds less than half a megabyte of umay's memory", async () => {
    const stuck = 30;
    const before = residentBytes(scene.umay.pid);
    const progress: { written: number }[] = [];
    for (let session = 0; session < stuck; session++) {
      const [client, server] = await scene.pair("tls13");
      client.socket.pause();
      server.socket.pause();
      progress.push(fill(client), fill(server));
    }
    await stalls(() => progress.reduce((sum, { written }) => sum + written, 0));
    // Memory that was allocated on the way and is garbage by now takes a moment to be collected.
    await becomes(
      () => (residentBytes(scene.umay.pid) - before) / stuck,
      (bytes) => bytes < mib / 2,
      "resident bytes for each session",
    );
  });
});
