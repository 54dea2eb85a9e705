import assert from "node:assert/strict";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectSocket, poolToml } from "../support/client.ts";
import { becomes, residentBytes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const clients = 2_000;

test("a client that says nothing costs no TLS, which begins with its first byte", async () => {
  const { ecdsa } = await testCertificates();
  await using backend = await startEchoBackend();
  await using umay = await startUmay(`
    workers = 1
    admin.bind = "127.0.0.1:0"
    [listeners.web]
    bind = "127.0.0.1:0"
    pool = "echo"
    timeouts.handshake = "10m"
    tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
    ${poolToml("echo", [backend.address])}`);
  const open = (umay: RunningUmay): Promise<number> => umay.metric("umay_connections");
  const connectAll = async () => {
    const sockets = await Promise.all(Array.from({ length: clients }, () => connectSocket(umay.port("web"))));
    await becomes(
      () => open(umay),
      (connections) => connections === clients,
      "connections",
    );
    return sockets;
  };
  const endAll = async (sockets: Awaited<ReturnType<typeof connectAll>>): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await becomes(
      () => open(umay),
      (connections) => connections === 0,
      "connections",
    );
  };
  // The first ones make the heap as large as connections need it.
  await endAll(await connectAll());
  const before = residentBytes(umay.pid);
  const sockets = await connectAll();
  const silent = residentBytes(umay.pid);
  // The first byte of a record of TLS.
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write(Buffer.of(22), resolve))));
  const begun = await becomes(
    () => residentBytes(umay.pid),
    (bytes) => bytes - silent > 15_000 * clients,
    "memory for TLS",
  );
  assert.ok(silent - before < (begun - silent) / 2, `${silent - before} and ${begun - silent} bytes`);
  await endAll(sockets);
});
