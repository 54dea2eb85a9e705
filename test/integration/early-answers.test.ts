import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { transports } from "../support/client.ts";
import type { Peer } from "../support/peer.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { sessionOf } from "../support/settled.ts";

const rounds = 20;
const answer = randomBytes(200);
const upload = Buffer.alloc(300_000);

/** Node 24 says "end" where TLS with a backend was reset while bytes to it waited; see the limits in the readme. */
const hidden =
  Number(process.versions.node.split(".")[0]) < 26 && "Node 24 takes the reset of such a backend for an end";

/**
 * A backend that refuses an upload: it answers, and closes without having read all of it. Its system sends a reset
 * where bytes wait unread at that moment, and an end where the rest is still on its way.
 */
for (const kind of ["plain", "TLS"] as const)
  describe(`an early answer of a backend that speaks ${kind}`, () => {
    let scene: Scene;
    let leave = (raw: Socket): unknown => raw.destroy();

    before(async () => {
      const { ecdsa } = await testCertificates();
      const tls = { cert: readFileSync(ecdsa.cert), key: readFileSync(ecdsa.key) };
      scene = await startScene({
        backend: { onPeer: (peer) => answerEarly(peer, leave), ...(kind === "TLS" && { tls }) },
        ...(kind === "TLS" && { pool: "tls = { verify = false }" }),
      });
    });
    afterEach(() => scene.settle());
    after(() => scene[Symbol.asyncDispose]());

    for (const transport of transports)
      test(`reaches a client that is still sending, over ${transport}`, async () => {
        for (let round = 0; round < rounds; round++) {
          const client = await scene.connect(transport);
          client.socket.write(upload, () => {});
          assert.ok((await client.read(answer.length)).equals(answer));
          await client.ending();
        }
      });

    test("ends as a reset where the backend's system sent one", {
      skip: kind === "TLS" && hidden,
    }, async () => {
      leave = (raw) => raw.resetAndDestroy();
      const [client, server] = await scene.pair("plain");
      client.socket.write(upload, () => {});
      await client.read(answer.length);
      assert.equal(await client.ending(), "ECONNRESET");
      assert.equal((await sessionOf(scene.umay, client))["reason"], "backend_reset");
      assert.equal(server.socket.destroyed, true);
    });
  });

function answerEarly({ socket, raw }: Peer, leave: (raw: Socket) => unknown): void {
  socket.once("data", () => {
    socket.pause();
    socket.write(answer, () => leave(raw));
  });
}
