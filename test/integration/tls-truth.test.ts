import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { testCertificates } from "../support/certificates.ts";
import { Child } from "../support/child.ts";
import { connectTo, listenersToml, poolToml, transports, turnedAway } from "../support/client.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { becomes, sessionOf, settled, stalls } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

describe("ends are passed on as they were", () => {
  let scene: Scene;

  before(async () => {
    scene = await startScene();
  });
  afterEach(() => scene.settle());
  after(() => scene[Symbol.asyncDispose]());

  for (const transport of transports) {
    test(`a backend's reset is a reset for the client, 40 times out of 40, over ${transport}`, async () => {
      const endings: string[] = [];
      const reasons: unknown[] = [];
      for (let round = 0; round < 40; round++) {
        const [client, server] = await scene.relaying(transport);
        if (round % 2 === 1) {
          await server.write("some of it");
          await client.read(10);
        }
        server.reset();
        endings.push(await client.ending());
        if (round % 10 === 0) reasons.push((await sessionOf(scene.umay, client))["reason"]);
      }
      assert.deepEqual(endings, Array(40).fill("ECONNRESET"));
      assert.deepEqual(reasons, Array(4).fill("backend_reset"));
    });

    test(`a client's reset is a reset for the backend, 40 times out of 40, over ${transport}`, async () => {
      const endings: string[] = [];
      const reasons: unknown[] = [];
      for (let round = 0; round < 40; round++) {
        const [client, server] = await scene.relaying(transport);
        if (round % 2 === 1) {
          await client.write("some of it");
          await server.read(10);
        }
        client.reset();
        endings.push(await server.ending());
        if (round % 10 === 0) reasons.push((await sessionOf(scene.umay, client))["reason"]);
      }
      assert.deepEqual(endings, Array(40).fill("ECONNRESET"));
      assert.deepEqual(reasons, Array(4).fill("client_reset"));
    });

    test(`a reset in the middle of a transfer is a reset, however much is on its way, over ${transport}`, async () => {
      for (let round = 0; round < 10; round++) {
        const [client, server] = await scene.relaying(transport);
        server.socket.write(Buffer.alloc(8 * 2 ** 20), () => {});
        await client.receivedAtLeast(2 ** (10 + round));
        server.reset();
        assert.equal(await client.ending(), "ECONNRESET");
      }
      for (let round = 0; round < 10; round++) {
        const [client, server] = await scene.relaying(transport);
        client.socket.write(Buffer.alloc(8 * 2 ** 20), () => {});
        await server.receivedAtLeast(2 ** (10 + round));
        client.reset();
        assert.equal(await server.ending(), "ECONNRESET");
      }
    });

    test(`a clean end is a clean end, and complete, 40 times out of 40, over ${transport}`, async () => {
      const said = randomBytes(100_000);
      for (let round = 0; round < 40; round++) {
        const [client, server] = await scene.relaying(transport);
        const [first, second] = round % 2 === 0 ? [client, server] : [server, client];
        first.end(said);
        assert.ok((await second.readToEnd()).equals(said));
        second.end("thanks");
        assert.equal(String(await first.readToEnd()), "thanks");
        if (round < 2)
          assert.equal(
            (await sessionOf(scene.umay, client))["reason"],
            first === client ? "client_closed" : "backend_closed",
          );
      }
    });

    test(`both sides may end at once, over ${transport}`, async () => {
      for (let round = 0; round < 12; round++) {
        const [client, server] = await scene.relaying(transport);
        client.end("bye from the client");
        server.end("bye from the backend");
        assert.equal(String(await client.readToEnd()), "bye from the backend");
        assert.equal(String(await server.readToEnd()), "bye from the client");
        if (round > 5) continue;
        assert.match(String((await sessionOf(scene.umay, client))["reason"]), /^(client|backend)_closed$/);
      }
    });

    test(`both sides may reset at once, over ${transport}`, async () => {
      for (let round = 0; round < 12; round++) {
        const [client, server] = await scene.relaying(transport);
        client.reset();
        server.reset();
        if (round > 5) continue;
        assert.match(String((await sessionOf(scene.umay, client))["reason"]), /^(client|backend)_reset$/);
      }
    });

    test(`a backend that ends as soon as it has accepted is a clean end for the client, over ${transport}`, async () => {
      for (let round = 0; round < 12; round++) {
        const [client, server] = await scene.pair(transport);
        server.end();
        assert.equal(await client.ending(), "end");
        client.end();
        if (round === 0) assert.equal((await sessionOf(scene.umay, client))["reason"], "backend_closed");
      }
    });

    test(`a backend that resets as soon as it has accepted is a reset for the client, over ${transport}`, async () => {
      for (let round = 0; round < 12; round++) {
        const connecting = turnedAway(scene.connect(transport));
        (await scene.backend.next()).reset();
        assert.equal(await connecting, "ECONNRESET");
      }
    });

    test(`what a backend said before it was reset in its other direction still arrives, over ${transport}`, async () => {
      const reply = randomBytes(200_000);
      const sent = (): Promise<number> =>
        scene.umay.metric("umay_listener_sent_bytes_total", { listener: transport });
      for (let round = 0; round < 5; round++) {
        const [client, server] = await scene.relaying(transport);
        client.socket.pause();
        const before = await sent();
        server.end(reply);
        await becomes(sent, (bytes) => bytes === before + reply.length, "bytes to the client");
        await client.write("a question that comes too late");
        await server.read(30);
        server.reset();
        // umay does not listen to a backend that has ended: it hears of the reset when it has something for it.
        await client.write("and another");
        client.socket.resume();
        assert.ok((await client.readToEnd()).equals(reply));
        assert.equal((await sessionOf(scene.umay, client))["reason"], "backend_reset");
      }
    });
  }

  test("a backend that is killed while it is sent to is a reset for its clients", async () => {
    await using backend = new Child("deaf-backend-child.ts", [16]);
    const address = `127.0.0.1:${await backend.line()}`;
    await using umay = await startUmay(`
      workers = 1
      [admin]
      bind = "127.0.0.1:0"
      ${listenersToml("killed", await testCertificates())}
      ${poolToml("killed", [address])}`);
    const clients = await Promise.all(transports.map((transport) => connectTo(umay, transport)));
    for (const client of clients) client.socket.write(Buffer.alloc(64 * 2 ** 20), () => {});
    await stalls(() => clients.reduce((sum, { raw }) => sum + raw.bytesWritten, 0));
    backend.process.kill("SIGKILL");
    for (const client of clients) {
      assert.equal(await client.ending(), "ECONNRESET");
      assert.equal((await sessionOf(umay, client))["reason"], "backend_reset");
    }
    await settled(umay);
  });

  for (const transport of ["tls12", "tls13"] as const) {
    for (const [what, record] of [
      ["a forged record", Buffer.concat([Buffer.from([23, 3, 3, 0, 64]), randomBytes(64)])],
      ["a record that is too long", Buffer.concat([Buffer.from([23, 3, 3, 0x48, 1]), randomBytes(0x4801)])],
      ["something that is no record", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ] as const)
      test(`${what} after the handshake resets the backend, over ${transport}`, async () => {
        for (const transferring of [false, true]) {
          const [client, server] = await scene.relaying(transport);
          await client.write("genuine");
          assert.equal(String(await server.read(7)), "genuine");
          if (transferring) server.socket.write(Buffer.alloc(8 * 2 ** 20), () => {});
          await nextTurn();
          client.raw.write(record);
          assert.equal(await server.ending(), "ECONNRESET");
          assert.equal(server.received, 8);
          const line = await sessionOf(scene.umay, client);
          assert.equal(line["reason"], "client_tls_error");
          assert.equal(line["received"], 8);
        }
      });

    test(`a client that ends with a fatal alert resets the backend, over ${transport}`, async () => {
      const [client, server] = await scene.relaying(transport);
      // In TLS 1.3 an alert in the clear is itself a violation after the handshake.
      client.raw.end(Buffer.from([21, 3, 3, 0, 2, 2, 20]));
      assert.equal(await server.ending(), "ECONNRESET");
      assert.equal((await sessionOf(scene.umay, client))["reason"], "client_tls_error");
    });
  }
});
