import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { testCertificates } from "../support/certificates.ts";
import type { Transport } from "../support/client.ts";
import type { Peer } from "../support/peer.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { sessionOf } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { exchange } from "../support/transfer.ts";

const bytes = 16 * 2 ** 20;
const clients: readonly Transport[] = ["plain", "tls13"];

for (const version of ["TLSv1.2", "TLSv1.3"] as const)
  describe(`the relay to backends that speak ${version}`, () => {
    let scene: Scene;

    before(async () => {
      const { ca, ecdsa } = await testCertificates();
      const pair = { cert: readFileSync(ecdsa.cert), key: readFileSync(ecdsa.key) };
      scene = await startScene({
        backend: { tls: { ...pair, minVersion: version, maxVersion: version } },
        pool: `tls = { ca = "${ca}" }`,
      });
    });
    afterEach(() => scene.settle());
    after(() => scene[Symbol.asyncDispose]());

    /** A session that has carried bytes both ways. */
    async function talking(transport: Transport): Promise<[Peer, Peer]> {
      const [client, server] = await scene.pair(transport);
      await client.write("x");
      await server.read(1);
      await server.write("y");
      await client.read(1);
      return [client, server];
    }

    for (const transport of clients) {
      test(`16 MiB each way at once arrive unchanged under backpressure, from ${transport}`, async () => {
        const [client, server] = await scene.pair(transport);
        const { up, down } = await exchange(client, server, bytes, {
          seed: 7,
          pausesPerMiB: 8,
          longestPause: 5,
        });
        assert.equal(up[0].bytes, bytes);
        assert.deepEqual(up[1], up[0], "from client to backend");
        assert.deepEqual(down[1], down[0], "from backend to client");
        const line = await sessionOf(scene.umay, client);
        assert.equal(line["received"], bytes);
        assert.equal(line["sent"], bytes);
      });

      test(`a backend that resets has the client reset, from ${transport}`, async () => {
        const [client, server] = await talking(transport);
        server.reset();
        assert.equal(await client.ending(), "ECONNRESET");
        assert.equal((await sessionOf(scene.umay, client))["reason"], "backend_reset");
      });

      test(`a client that resets has the backend reset, from ${transport}`, async () => {
        const [client, server] = await talking(transport);
        client.reset();
        assert.equal(await server.ending(), "ECONNRESET");
        assert.equal((await sessionOf(scene.umay, client))["reason"], "client_reset");
      });

      test(`a client that has ended its upload gets the whole reply, from ${transport}`, async () => {
        const [client, server] = await scene.pair(transport);
        const upload = randomBytes(1_000_000);
        client.end(upload);
        assert.ok((await server.readToEnd()).equals(upload));
        const reply = randomBytes(1_000_000);
        server.end(reply);
        assert.ok((await client.readToEnd()).equals(reply));
        assert.equal((await sessionOf(scene.umay, client))["reason"], "client_closed");
      });

      test(`a backend that has ended first gets the whole upload, from ${transport}`, async () => {
        const [client, server] = await scene.pair(transport);
        server.end("goodbye");
        assert.equal(String(await client.readToEnd()), "goodbye");
        const upload = randomBytes(1_000_000);
        client.end(upload);
        assert.ok((await server.readToEnd()).equals(upload));
        assert.equal((await sessionOf(scene.umay, client))["reason"], "backend_closed");
      });
    }

    test("what a backend says first, with the end of its handshake, reaches the client", async () => {
      const [client, server] = await scene.pair("plain");
      await server.write("220 ready");
      assert.equal(String(await client.read(9)), "220 ready");
    });

    test("the next connection resumes the session of the one before", async () => {
      await talking("plain");
      await sleep(0);
      const [client, server] = await scene.pair("plain");
      assert.equal((server.socket as TLSSocket).isSessionReused(), true);
      server.socket.pipe(server.socket);
      await echoed(client);
    });

    test("status counts the connection to the backend while it lasts", async () => {
      const connections = async (): Promise<number> =>
        (await scene.umay.status()).pools["scripted"]!.backends[0]!.connections;
      const [client, server] = await talking("plain");
      assert.equal(await connections(), 1);
      client.end();
      server.end();
      await sessionOf(scene.umay, client);
      assert.equal(await connections(), 0);
    });
  });
