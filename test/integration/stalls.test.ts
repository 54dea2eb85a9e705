import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { transports } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type Scene, startScene } from "../support/scene.ts";
import { sessionOf, stalls } from "../support/settled.ts";

const stallMs = patient(500);
const more = Buffer.alloc(32 * 2 ** 20);

for (const kind of ["plain", "TLS"] as const)
  describe(`timeouts.stall, with backends that speak ${kind}`, () => {
    let scene: Scene;

    before(async () => {
      const { ecdsa } = await testCertificates();
      const tls = { cert: readFileSync(ecdsa.cert), key: readFileSync(ecdsa.key) };
      scene = await startScene({
        listener: `timeouts = { stall = "${stallMs}ms" }`,
        ...(kind === "TLS" && { backend: { tls }, pool: "tls = { verify = false }" }),
      });
    });
    afterEach(() => scene.settle());
    after(() => scene[Symbol.asyncDispose]());

    for (const transport of transports) {
      test(`a backend that takes nothing ends the session, though the client has gone meanwhile, over ${transport}`, async () => {
        const [client, server] = await scene.pair(transport);
        server.socket.pause();
        client.socket.write(more, () => {});
        await stalls(() => client.raw.bytesWritten);
        client.reset();
        const line = await sessionOf(scene.umay, client);
        assert.equal(line["reason"], "backend_stalled");
        assert.equal(line["origin"], "backend");
      });

      test(`a client that takes nothing ends the session, though it says something now and then, over ${transport}`, async () => {
        const [client, server] = await scene.pair(transport);
        client.socket.pause();
        server.socket.write(more, () => {});
        const talking = setInterval(() => client.socket.write("!"), stallMs / 5);
        try {
          assert.equal(await server.ending(), "ECONNRESET");
        } finally {
          clearInterval(talking);
        }
        assert.equal((await sessionOf(scene.umay, client))["reason"], "client_stalled");
      });
    }
  });
