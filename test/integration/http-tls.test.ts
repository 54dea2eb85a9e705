import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { connect } from "node:http2";
import { Agent, createServer as createSecureServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { tellRequest } from "../support/http.ts";
import { outcomeOf } from "../support/http2-outcome.ts";
import { startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

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

test("a request for a host with another certificate gets 421, and the connection goes on", async () => {
  const { ecdsa, otherName } = certificates;
  await using backend = await NodeServer.start();
  await using umay = await startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    pool = "app"
    tls.certificates = [
      { cert = ${JSON.stringify(ecdsa.cert)}, key = ${JSON.stringify(ecdsa.key)} },
      { cert = ${JSON.stringify(otherName.cert)}, key = ${JSON.stringify(otherName.key)} },
    ]
    ${poolToml("app", [backend.address])}`);
  const over = async (servername: string, hosts: readonly string[]): Promise<unknown[]> => {
    const client = connect(`https://127.0.0.1:${umay.port("web")}`, {
      servername,
      rejectUnauthorized: false,
    });
    const outcomes = hosts.map((host) =>
      outcomeOf(client.request({ ":authority": host, ":path": `/${servername}/${host}` })),
    );
    const statuses = (await Promise.all(outcomes)).map(({ status }) => status);
    client.destroy();
    return statuses;
  };
  const hosts = ["localhost", "other.test", "x.other.test:8443", "unknown.test"];
  assert.deepEqual(await over("localhost", hosts), [200, 421, 421, 200]);
  assert.deepEqual(await over("x.other.test", hosts), [421, 200, 200, 200]);
  const line = await umay.logged(({ path }) => path === "/localhost/other.test");
  assert.deepEqual([line["reason"], line["status"], line["pool"]], ["misdirected", 421, undefined]);
  assert.ok(backend.seen.every(({ target }) => !target.startsWith("/localhost/other")));
  // Over HTTP/1.1 too.
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  const asked: unknown[] = [];
  for (const host of ["localhost", "other.test", "localhost"]) {
    const sent = request({
      host: "127.0.0.1",
      port: umay.port("web"),
      servername: "localhost",
      agent,
      headers: { host },
    });
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += chunk;
    asked.push([response.statusCode, text.includes("misdirected"), sent.reusedSocket]);
  }
  agent.destroy();
  assert.deepEqual(asked, [
    [200, false, false],
    [421, true, true],
    [200, false, true],
  ]);
  const metrics = await (await fetch(`${umay.admin}/metrics`)).text();
  assert.match(metrics, /umay_requests_total\{listener="web",status="misdirected"\} 4\n/);
  assert.match(metrics, /umay_http_connections_total\{listener="web",version="1\.1"\} 1\n/);
  assert.match(metrics, /umay_http_connections_total\{listener="web",version="2"\} 2\n/);
  assert.match(metrics, /umay_http2_streams_total\{listener="web"\} 8\n/);
  const answer = await fetch(`${umay.admin}/explain?url=https://other.test/&sni=localhost`);
  assert.equal(((await answer.json()) as { reason: string }).reason, "misdirected");
});
