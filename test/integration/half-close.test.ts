import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Transport, transports } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { becomes, openFiles, sessionOf, settled, stalls } from "../support/settled.ts";

const halfCloseMs = patient(400);

describe("one direction may end before the other", () => {
  let scene: Scene;

  before(async () => {
    scene = await startScene({ listener: `timeouts = { half_close = "${halfCloseMs}ms" }` });
  });
  afterEach(() => scene.settle());
  after(() => scene[Symbol.asyncDispose]());

  for (const transport of transports) {
    test(`a client that has ended its upload gets the whole reply, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      const upload = randomBytes(3_000_000);
      client.end(upload);
      assert.ok((await server.readToEnd()).equals(upload));
      assert.equal(client.received, 0);
      const reply = randomBytes(3_000_000);
      server.end(reply);
      assert.ok((await client.readToEnd()).equals(reply));
      assert.equal((await sessionOf(scene.umay, client))["reason"], "client_closed");
    });

    test(`a backend that has ended first gets the whole upload, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      server.end("goodbye");
      assert.equal(String(await client.readToEnd()), "goodbye");
      const upload = randomBytes(3_000_000);
      client.end(upload);
      assert.ok((await server.readToEnd()).equals(upload));
      assert.equal((await sessionOf(scene.umay, client))["reason"], "backend_closed");
    });

    test(`a backend that never ends after its client did is cut off, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      await client.write("question");
      client.end();
      await server.read(8);
      assert.equal(await server.ending(), "end");
      assert.equal(await client.ending(), "ECONNRESET");
      const line = await sessionOf(scene.umay, client);
      await assert.rejects(server.write("late"), wasReset);
      assert.equal(line["reason"], "half_close_timeout");
      assertAbout(line["duration_ms"] as number, halfCloseMs);
    });

    test(`a client that never ends after the backend did is cut off, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      server.end("that was all");
      assert.equal(String(await client.readToEnd()), "that was all");
      assert.equal(await server.ending(), "ECONNRESET");
      const line = await sessionOf(scene.umay, client);
      await assert.rejects(client.write("late"), wasReset);
      assert.equal(line["reason"], "half_close_timeout");
      assertAbout(line["duration_ms"] as number, halfCloseMs);
    });

    test(`as long as bytes flow in the other direction, a half-closed session lives on, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      client.end();
      await server.ending();
      for (let piece = 1; piece <= 8; piece++) {
        await sleep(halfCloseMs / 4);
        await server.write("still here");
        await client.receivedAtLeast(piece * 10);
      }
      server.end();
      assert.equal(await client.ending(), "end");
      assert.equal((await sessionOf(scene.umay, client))["reason"], "client_closed");
    });
  }

  test("a client that never takes its backend's last bytes is cut off when the backend has vanished", async () => {
    const files = openFiles(scene.umay.pid);
    const most = await fillUp("plain", Number.POSITIVE_INFINITY);
    // A little less than fits is taken in by umay, the end after it included, and does not fit into the kernel.
    for (const short of [16_000, 32_000, 48_000]) await fillUp("plain", most - short);
    await settled(scene.umay);
    await becomes(
      () => openFiles(scene.umay.pid),
      (now) => now <= files,
      `open files, ${files} at first`,
    );
  });

  /**
   * Sends a client that does not read as much as fits, or so many bytes, in pieces that umay takes one by one; then the
   * backend ends, vanishes, and the client lets umay find out.
   * @returns how many bytes umay took.
   */
  async function fillUp(transport: Transport, bytes: number): Promise<number> {
    const [client, server] = await scene.pair(transport);
    client.socket.pause();
    const piece = Buffer.alloc(8000);
    let sent = 0;
    let ended = false;
    const sending = (async () => {
      for (; sent < bytes && !server.socket.destroyed; sent += piece.length) {
        await server.write(piece);
        await sleep(1);
      }
      server.end();
      ended = true;
    })().catch(() => {});
    if (bytes === Number.POSITIVE_INFINITY) await stalls(() => sent);
    else await becomes(() => ended, Boolean, "everything sent");
    server.reset();
    await client.write("anybody there?");
    const line = await sessionOf(scene.umay, client);
    assert.match(String(line["reason"]), /^(backend_reset|half_close_timeout)$/);
    await sending;
    return line["sent"] as number;
  }

  /** The error of a write on a connection that was ended with RST after its peer had already sent FIN. */
  const wasReset = { code: /^(EPIPE|ECONNRESET)$/ };

  function assertAbout(ms: number, expected: number): void {
    assert.ok(ms >= expected && ms < expected + patient(1500), `${ms} ms instead of ${expected} ms`);
  }
});
