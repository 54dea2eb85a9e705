import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { connectSocket, poolToml } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { becomes } from "../support/settled.ts";
import { countedTls, tlsBegun } from "../support/tls-count.ts";
import { startUmay } from "../support/umay.ts";

const clients = 200;

test("a client that says nothing costs a socket and no TLS, which begins with its first byte", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-silent-"));
  const count = join(folder.path, "count");
  const { ecdsa } = await testCertificates();
  await using umay = await startUmay(
    `workers = 2
    admin.bind = "127.0.0.1:0"
    [listeners.web]
    bind = "127.0.0.1:0"
    pool = "echo"
    timeouts.handshake = "${patient(60_000)}ms"
    tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
    ${poolToml("echo", ["127.0.0.1:9"])}`,
    countedTls(count),
  );
  const sockets = await Promise.all(Array.from({ length: clients }, () => connectSocket(umay.port("web"))));
  await becomes(
    () => umay.metric("umay_connections"),
    (connections) => connections === clients,
    "connections",
  );
  assert.equal(tlsBegun(count), 0);
  // The first byte of a record of TLS.
  for (const socket of sockets) socket.write(Buffer.of(22));
  await becomes(
    () => tlsBegun(count),
    (begun) => begun === clients,
    "connections with TLS",
  );
  for (const socket of sockets) socket.destroy();
});
