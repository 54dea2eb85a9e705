import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { connect } from "node:tls";
import { startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import { testCertificates } from "../support/certificates.ts";
import { startUmay } from "../support/umay.ts";

test("renegotiation is refused, and the session keeps its one backend until it ends", async () => {
  const { ca, ecdsa } = await testCertificates();
  await using cleanup = new AsyncDisposableStack();
  const addresses: string[] = [];
  for (const name of ["a", "b"]) {
    const echo = await startEcho({ bind: "127.0.0.1:0", name });
    cleanup.defer(() => echo.close());
    addresses.push(JSON.stringify(formatAddress(echo.address)));
  }
  await using umay = await startUmay(`
    admin.bind = "127.0.0.1:0"
    [listeners.echo]
    bind = "127.0.0.1:0"
    pool = "echo"
    tls = { certificates = [{ cert = ${JSON.stringify(ecdsa.cert)}, key = ${JSON.stringify(ecdsa.key)} }] }
    [pools.echo]
    discovery = { type = "static", backends = [${addresses}] }`);
  const client = connect({
    port: umay.port("echo"),
    host: "127.0.0.1",
    ca: readFileSync(ca),
    maxVersion: "TLSv1.2",
  });
  cleanup.defer(() => void client.destroy());
  await once(client, "secureConnect");
  client.write("hello\n");
  await once(client, "data");
  const { promise, resolve } = Promise.withResolvers<string>();
  client.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  client.renegotiate({ rejectUnauthorized: true }, () => {});
  assert.equal(await promise, "ERR_SSL_NO_RENEGOTIATION");
  client.destroy();

  const line = await umay.session();
  assert.equal((line["attempts"] as readonly unknown[]).length, 1);
  const { pools } = await umay.status();
  const backends = pools["echo"]!.backends;
  assert.deepEqual(
    backends.map(({ connections }) => connections),
    [0, 0],
  );
  assert.equal(await umay.metric("umay_backend_connections_total"), 1);
  assert.equal(await umay.metric("umay_tls_handshakes_total", { result: "ok" }), 1);
});
