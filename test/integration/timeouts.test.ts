import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectPlain, transports } from "../support/client.ts";
import { clientHello } from "../support/client-hello.ts";
import { patient } from "../support/patience.ts";
import type { Peer } from "../support/peer.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { sessionOf } from "../support/settled.ts";

const handshakeMs = patient(600);
const idleMs = patient(600);
/** Two ticks of the sweep, and what a busy machine adds. */
const latenessMs = 1500;

function assertAbout(ms: unknown, expected: number): void {
  assert.ok(
    typeof ms === "number" && ms >= expected && ms < expected + patient(latenessMs),
    `${ms} ms instead of ${expected} ms`,
  );
}

describe("time limits", () => {
  let scene: Scene;

  before(async () => {
    scene = await startScene({
      listener: `timeouts = { handshake = "${handshakeMs}ms", idle = "${idleMs}ms" }`,
    });
  });
  afterEach(() => scene.settle());
  after(() => scene[Symbol.asyncDispose]());

  const timedOut = (): Promise<number> =>
    scene.umay.metric("umay_tls_handshakes_total", { listener: "tls13", result: "timeout" });

  for (const [what, bytes, error] of [
    ["says nothing", () => Buffer.alloc(0), /^timeout: the client sent nothing; so do clients of .* \(MySQL/],
    ["sends half a hello", (hello: Buffer) => hello.subarray(0, hello.length / 2), /^timeout$/],
    ["sends a hello and nothing else", (hello: Buffer) => hello, /^timeout$/],
  ] as const)
    test(`a client that ${what} is cut off after timeouts.handshake`, async () => {
      const before = await timedOut();
      const client = await connectPlain(scene.umay.port("tls13"));
      await client.write(bytes(await clientHello()));
      assert.equal(await client.ending(), "ECONNRESET");
      const line = await sessionOf(scene.umay, client);
      assert.equal(line["reason"], "handshake_timeout");
      assert.match(String(line["tls_error"]), error);
      assert.equal(line.level, "debug");
      assertAbout(line["duration_ms"], handshakeMs);
      assert.equal(await timedOut(), before + 1);
      assert.equal(scene.backend.peers.length, 0);
    });

  test("a client that keeps sending a little is cut off all the same", async () => {
    const client = await connectPlain(scene.umay.port("tls12"));
    const hello = await clientHello();
    for (const byte of hello) {
      if (client.socket.destroyed) break;
      client.socket.write(Buffer.of(byte), () => {});
      await sleep(handshakeMs / 20);
    }
    assert.equal(await client.ending(), "ECONNRESET");
    assert.equal((await sessionOf(scene.umay, client))["reason"], "handshake_timeout");
  });

  /** A session over each transport. */
  async function pairs(): Promise<[Peer, Peer][]> {
    const made: [Peer, Peer][] = [];
    for (const transport of transports) made.push(await scene.pair(transport));
    return made;
  }

  test("a session without a byte is reset on both sides after timeouts.idle", async () => {
    for (const [client, server] of await pairs()) {
      assert.equal(await client.ending(), "ECONNRESET");
      assert.equal(await server.ending(), "ECONNRESET");
      const line = await sessionOf(scene.umay, client);
      assert.equal(line["reason"], "idle_timeout");
      assert.equal(line["origin"], "umay");
      assertAbout(line["duration_ms"], idleMs);
    }
  });

  for (const from of ["client", "backend"] as const)
    test(`bytes from the ${from} alone keep a session alive`, async () => {
      const alive = (await pairs()).map(async ([client, server]) => {
        const [sender, receiver] = from === "client" ? [client, server] : [server, client];
        for (let piece = 1; piece <= 8; piece++) {
          await sleep(idleMs / 4);
          await sender.write("tick");
          await receiver.receivedAtLeast(piece * 4);
        }
        client.end();
        server.end();
        assert.equal(await client.ending(), "end");
      });
      await Promise.all(alive);
    });

  test("a session whose reader is stuck ends after timeouts.idle", async () => {
    for (const [client, server] of await pairs()) {
      client.socket.pause();
      server.socket.write(Buffer.alloc(64 * 2 ** 20));
      assert.equal(await server.ending(), "ECONNRESET");
      assert.equal((await sessionOf(scene.umay, client))["reason"], "idle_timeout");
    }
  });
});

test("a quiet session ends at max_connection_age, and one that is never quiet within as long again", async () => {
  await using scene = await startScene({ listener: 'max_connection_age = "1s"' });
  const pairs = await Promise.all(transports.map((transport) => scene.pair(transport)));
  const talker = await connectPlain(scene.umay.port("plain"));
  const talking = setInterval(() => talker.socket.write("tick", () => {}), 100);
  try {
    for (const [client, server] of pairs) {
      assert.equal(await client.ending(), "ECONNRESET");
      assert.equal(await server.ending(), "ECONNRESET");
      const line = await sessionOf(scene.umay, client);
      assert.equal(line["reason"], "max_age");
      assert.ok((line["duration_ms"] as number) >= 900, String(line["duration_ms"]));
    }
    assert.equal(await talker.ending(), "ECONNRESET");
    const line = await sessionOf(scene.umay, talker);
    assert.equal(line["reason"], "max_age");
    assert.ok((line["duration_ms"] as number) >= 1_900, String(line["duration_ms"]));
  } finally {
    clearInterval(talking);
  }
});
