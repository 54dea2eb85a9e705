import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, afterEach, before, describe, test } from "node:test";
import { connectSocket, transports } from "../support/client.ts";
import { Peer, soon } from "../support/peer.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { sessionOf } from "../support/settled.ts";
import { byteByByte, HeldBack, tlsOver } from "../support/wire.ts";

describe("the first bytes of a session", () => {
  let scene: Scene;

  before(async () => {
    scene = await startScene();
  });
  afterEach(() => scene.settle());
  after(() => scene[Symbol.asyncDispose]());

  for (const transport of transports) {
    test(`a backend that speaks first is heard by a client that waits, over ${transport}`, async () => {
      const [client, server] = await scene.pair(transport);
      await server.write("220 mail.test ESMTP\r\n");
      assert.equal(String(await client.read(21)), "220 mail.test ESMTP\r\n");
      assert.equal(server.received, 0);
      await client.write("EHLO client.test\r\n");
      assert.equal(String(await server.read(18)), "EHLO client.test\r\n");
    });

    test(`bytes and the end right after them arrive together, 50 times out of 50, over ${transport}`, async () => {
      for (let round = 0; round < 50; round++) {
        const client = await scene.connect(transport);
        const said = randomBytes(1 + round * 1000);
        client.end(said);
        const server = await scene.backend.next();
        assert.ok((await server.readToEnd()).equals(said));
        server.end("ok");
        assert.equal(String(await client.readToEnd()), "ok");
      }
    });

    test(`a client that ends without a word is a clean end for the backend, over ${transport}`, async () => {
      const client = await scene.connect(transport);
      client.end();
      const server = await scene.backend.next();
      assert.equal(await server.ending(), "end");
      server.end("nothing to answer");
      assert.equal(String(await client.readToEnd()), "nothing to answer");
      assert.equal((await sessionOf(scene.umay, client))["reason"], "client_closed");
    });
  }

  for (const ending of [false, true])
    test(`bytes ${ending ? "and an end " : ""}that come with the client's Finished are not lost`, async () => {
      for (let round = 0; round < 20; round++) {
        const raw = await connectSocket(scene.umay.port("tls13"));
        const held = new HeldBack(raw);
        const tls = tlsOver(raw, {}, held);
        using client = new Peer(tls, raw);
        await soon(once(tls, "secureConnect"), "a handshake");
        await client.write("early bird");
        if (ending) {
          client.end();
          await soon(once(tls, "finish"), "a close_notify");
        }
        held.release();
        const server = await scene.backend.next();
        assert.equal(String(await server.read(10)), "early bird");
        if (ending) assert.equal(await server.ending(), "end");
        server.end("worm");
        assert.equal(String(await client.readToEnd()), "worm");
      }
    });

  for (const transport of ["tls12", "tls13"] as const)
    test(`a handshake in segments of one byte succeeds, over ${transport}`, async () => {
      const raw = await connectSocket(scene.umay.port(transport));
      const tls = tlsOver(raw, {}, byteByByte(raw));
      using client = new Peer(tls, raw);
      await soon(once(tls, "secureConnect"), "a handshake");
      await client.write("slowly");
      const server = await scene.backend.next();
      assert.equal(String(await server.read(6)), "slowly");
    });
});
