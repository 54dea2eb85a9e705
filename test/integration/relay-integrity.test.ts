import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { transports } from "../support/client.ts";
import type { Peer } from "../support/peer.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { sessionOf, stalls } from "../support/settled.ts";
import { type Exchanged, exchange, type Pace } from "../support/transfer.ts";

const mib = 2 ** 20;

describe("the relay carries every byte, in order and unchanged", () => {
  let scene: Scene;

  before(async () => {
    scene = await startScene();
  });
  afterEach(() => scene.settle());
  after(() => scene[Symbol.asyncDispose]());

  function assertSame({ up, down }: Exchanged, bytes: number): void {
    assert.equal(up[0].bytes, bytes);
    assert.equal(down[0].bytes, bytes);
    assert.deepEqual(up[1], up[0], "from client to backend");
    assert.deepEqual(down[1], down[0], "from backend to client");
  }

  for (const [transport, size] of [
    ["plain", 22 * mib],
    ["tls12", 16 * mib],
    ["tls13", 22 * mib],
  ] as const)
    test(`${size / mib} MiB each way at once, with pauses on all four ends, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      const pace: Pace = { seed: size + transport.length, pausesPerMiB: 2, longestPause: 3 };
      assertSame(await exchange(client, server, size, pace), size);
      const line = await sessionOf(scene.umay, client);
      assert.equal(line["received"], size);
      assert.equal(line["sent"], size);
    });

  for (const transport of transports)
    test(`sessions of one worker never see each other's bytes, over ${transport}`, async () => {
      const sessions: [Peer, Peer][] = [];
      for (let session = 0; session < 12; session++) sessions.push(await scene.pair(transport));
      // Readers that dawdle make bytes wait inside umay, where they would be overwritten by other sessions' bytes.
      const exchanges = sessions.map(([client, server], index) =>
        exchange(client, server, 2 * mib, { seed: 1000 + index, pausesPerMiB: 12, longestPause: 10 }),
      );
      for (const exchanged of await Promise.all(exchanges)) assertSame(exchanged, 2 * mib);
    });

  for (const transport of transports)
    test(`writes of a single byte arrive without delay and in order, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      server.socket.pipe(server.socket);
      const sent = randomBytes(2000);
      for (let index = 0; index < 250; index++) {
        await client.write(sent.subarray(index, index + 1));
        await client.receivedAtLeast(index + 1);
      }
      for (let index = 250; index < sent.length; index++)
        client.socket.write(sent.subarray(index, index + 1));
      client.end();
      assert.ok((await client.readToEnd()).equals(sent));
    });

  test("what waits inside umay for clients that do not read stays as it was, over each transport", async () => {
    const stays = async ([client, server]: [Peer, Peer]): Promise<void> => {
      client.socket.pause();
      const sent = randomBytes(7 * mib);
      // Pieces that umay reads one by one, so that many of them wait at once when nothing more fits into the kernel.
      const pieces = (async () => {
        for (let start = 0; start < sent.length; start += 8000) {
          await server.write(sent.subarray(start, start + 8000));
          await sleep(1);
        }
        server.end();
      })();
      await stalls(() => server.socket.bytesWritten);
      client.socket.resume();
      client.end();
      assert.ok((await client.readToEnd()).equals(sent));
      await pieces;
    };
    const pairs: [Peer, Peer][] = [];
    for (const transport of transports) pairs.push(await scene.pair(transport));
    await Promise.all(pairs.map(stays));
  });
});
