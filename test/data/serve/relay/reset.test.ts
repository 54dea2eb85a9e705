import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createSecureContext, TLSSocket } from "node:tls";
import { resetSocket } from "../../../../src/data/sockets/reset.ts";
import { testCertificates } from "../../../support/certificates.ts";
import { patient } from "../../../support/patience.ts";
import { Peer } from "../../../support/peer.ts";
import { tlsOver } from "../../../support/wire.ts";

/** Both ends of a TCP connection. */
async function pair(): Promise<[ours: Socket, theirs: Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const theirs = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [[ours]] = await Promise.all([once(server, "connection"), once(theirs, "connect")]);
  server.close();
  return [ours as Socket, theirs];
}

describe("resetting a socket", () => {
  test("its peer sees a reset", async () => {
    const [ours, theirs] = await pair();
    using peer = new Peer(theirs);
    resetSocket(ours, "tcp");
    await once(ours, "close");
    assert.equal(await peer.ending(), "ECONNRESET");
  });

  test("a second time changes nothing", async () => {
    const [ours, theirs] = await pair();
    using peer = new Peer(theirs);
    resetSocket(ours, "tcp");
    resetSocket(ours, "tcp");
    assert.equal(await peer.ending(), "ECONNRESET");
  });

  test("one that is still being connected is closed", async () => {
    const connecting = connect({ port: 1, host: "127.0.0.1" }).on("error", () => {});
    resetSocket(connecting, "tcp");
    await once(connecting, "close");
    assert.equal(connecting.destroyed, true);
  });

  test("one whose close_notify waits for its peer to read is closed", async () => {
    const { ecdsa } = await testCertificates();
    const [ours, theirs] = await pair();
    const secureContext = createSecureContext({
      cert: readFileSync(ecdsa.cert),
      key: readFileSync(ecdsa.key),
    });
    const tls = new TLSSocket(ours, { isServer: true, secureContext });
    tls.on("error", () => {});
    const client = tlsOver(theirs).on("error", () => {});
    await Promise.all([once(tls, "secure"), once(client, "secureConnect")]);
    theirs.pause();
    // Fills the kernel underneath TLS, which knows nothing of it.
    ours.write(Buffer.alloc(64 * 2 ** 20), () => {});
    tls.end();
    await nextTurn();
    const closed = once(ours, "close", { signal: AbortSignal.timeout(patient(2000)) });
    resetSocket(ours, "tcp", tls);
    await closed;
    client.destroy();
  });
});
