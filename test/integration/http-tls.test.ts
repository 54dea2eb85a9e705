import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, createServer as createSecureServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { tellRequest } from "../support/http.ts";
import { startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

test("requests over TLS reach backends that speak TLS, over connections that are used again on both sides", async () => {
  const { cert, key } = certificates.ecdsa;
  const server = createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, tellRequest("a"));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  let connections = 0;
  server.on("secureConnection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await using umay = await startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    hsts = "1d"
    [[listeners.web.tls.certificates]]
    cert = ${JSON.stringify(cert)}
    key = ${JSON.stringify(key)}
    [routes.all]
    pool = "app"
    request_headers = { set = { x-tls = "\${tls.version} \${tls.sni}" } }
    response_headers = { set = { x-by = "\${backend.address}" } }
    sticky = { cookie = "at" }
    [pools.app]
    tls = { verify = false }
    discovery = { type = "static", backends = ["127.0.0.1:${(server.address() as AddressInfo).port}"] }`);
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  for (let count = 0; count < 5; count++) {
    const body = Buffer.alloc(count * 40_000, "x");
    const sent = request({
      host: "127.0.0.1",
      port: umay.port("web"),
      servername: "localhost",
      agent,
      method: "POST",
    });
    sent.end(body);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += chunk;
    const got = JSON.parse(text) as { length: number; headers: Record<string, string> };
    assert.equal(got.length, body.length);
    assert.deepEqual(
      [got.headers["x-tls"], got.headers["x-forwarded-proto"]],
      ["TLSv1.3 localhost", "https"],
    );
    assert.equal(response.headers["strict-transport-security"], "max-age=86400");
    assert.match(String(response.headers["x-by"]), /^127\.0\.0\.1:/);
    assert.match(
      String(response.headers["set-cookie"]),
      /^at=[\w-]{11}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
  }
  agent.destroy();
  assert.equal(connections, 1);
});
