import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startBackend } from "../support/backend.ts";
import { ask, RawClient, startHttpBackend, tellRequest } from "../support/http.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const toml = (backend: string, more = ""): string => `
  workers = 1
  admin = { bind = "127.0.0.1:0" }
  [listeners.web]
  bind = "127.0.0.1:0"
  mode = "http"
  pool = "app"
  ${more}
  [pools.app.discovery]
  type = "static"
  backends = ["${backend}"]`;

const told = (body: string): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

const requestOf = (umay: RunningUmay, path: string) =>
  umay.logged((line) => line["path"] === path && line["reason"] !== undefined);

test("requests of one client go over one connection, which the backend sees too, with all that umay adds", async () => {
  await using backend = await startHttpBackend(tellRequest("a"));
  let connections = 0;
  backend.server.on("connection", () => connections++);
  await using umay = await startUmay(toml(backend.address));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let count = 0; count < 20; count++) {
    const { status, body, headers } = await ask(umay.port("web"), {
      agent,
      path: `/${count}?a=b`,
      headers: { "x-forwarded-for": "1.2.3.4", "x-a": "1" },
    });
    const { url, headers: seen } = told(body) as { url: string; headers: Record<string, string> };
    assert.deepEqual([status, url], [200, `/${count}?a=b`]);
    assert.deepEqual(
      [seen["x-forwarded-for"], seen["x-forwarded-proto"], seen["x-a"]],
      ["127.0.0.1", "http", "1"],
    );
    assert.equal(seen["x-request-id"], headers["x-request-id"]);
    assert.equal(seen["host"], `127.0.0.1:${umay.port("web")}`);
  }
  agent.destroy();
  assert.equal(connections, 1);
  const line = await requestOf(umay, "/19");
  assert.deepEqual(
    [line["status"], line["reason"], line["pool"], line["backend"]],
    [200, "served", "app", backend.address],
  );
  assert.equal(await umay.metric("umay_requests_total", { listener: "web", status: "2xx" }), 20);
  assert.equal(await umay.metric("umay_first_byte_seconds_count", { pool: "app" }), 20);
  assert.equal(await umay.metric("umay_backend_connections", { pool: "app", backend: backend.address }), 0);
});

for (const framing of ["length", "chunked"] as const)
  test(`a body with ${framing} arrives byte for byte, and so does the answer`, async () => {
    await using backend = await startHttpBackend((message, response) => {
      if (framing === "length") response.setHeader("content-length", message.headers["x-length"] as string);
      else response.setHeader("trailer", "x-end");
      message.pipe(response, { end: false });
      message.on("end", () => {
        if (framing === "chunked") response.addTrailers({ "x-end": "yes" });
        response.end();
      });
    });
    await using umay = await startUmay(toml(backend.address));
    const body = randomBytes(5_000_000);
    const sent = { "x-length": String(body.length), te: "trailers", connection: "te" };
    const headers =
      framing === "length"
        ? { ...sent, "content-length": body.length }
        : { ...sent, "transfer-encoding": "chunked" };
    const hash = createHash("sha256");
    const got = await fetchBody(umay.port("web"), headers, body, (chunk) => hash.update(chunk));
    assert.equal(hash.digest("hex"), createHash("sha256").update(body).digest("hex"));
    if (framing === "chunked") assert.equal(got.trailers["x-end"], "yes");
  });

async function fetchBody(
  port: number,
  headers: Record<string, string | number>,
  body: Buffer,
  each: (chunk: Buffer) => void,
) {
  const { request } = await import("node:http");
  const sent = request({ host: "127.0.0.1", port, method: "POST", headers });
  sent.end(body);
  const { promise, resolve, reject } = Promise.withResolvers<import("node:http").IncomingMessage>();
  sent.on("error", reject);
  sent.on("response", (response) => {
    response.on("data", each);
    response.on("end", () => resolve(response));
    response.on("error", reject);
  });
  return await promise;
}

test("pipelined requests are answered in order, and HEAD has the head alone", async () => {
  await using backend = await startHttpBackend((message, response) => {
    response.setHeader("content-length", message.url!.length);
    setTimeout(() => response.end(message.url), message.url === "/first" ? 30 : 0);
  });
  await using umay = await startUmay(toml(backend.address));
  using client = new RawClient(umay.port("web"));
  client.send(
    "GET /first HTTP/1.1\r\nHost: a\r\n\r\nHEAD /head HTTP/1.1\r\nHost: a\r\n\r\nGET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  await client.until(({ ended }) => ended);
  assert.match(
    client.text,
    /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n\/firstHTTP\/1\.1 200 OK\r\n.*Content-Length: 5\r\n.*\r\n\r\nHTTP\/1\.1 200 OK\r\n.*\r\n\r\n\/last$/is,
  );
  assert.equal(client.error, undefined);
});

test("a client that waits for 100 gets the backend's, or umay's after a second", async () => {
  await using quick = await startHttpBackend(tellRequest("quick"));
  await using slow = await startBackend();
  await using umay = await startUmay(`${toml(quick.address)}
    [pools.slow.discovery]
    type = "static"
    backends = ["${slow.address}"]
    [routes.slow]
    path = "/slow"
    pool = "slow"`);
  for (const path of ["/", "/slow"]) {
    using client = new RawClient(umay.port("web"));
    client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`);
    await client.until(({ text }) => text.startsWith("HTTP/1.1 100 Continue\r\n\r\n"));
    client.send("hello");
    if (path === "/slow") (await slow.next()).socket.write("HTTP/1.1 204 No Content\r\n\r\n");
    await client.until(({ text }) => /HTTP\/1\.1 20[04]/.test(text));
  }
});

test("an answer that is cut short never looks complete, whichever way it was to end", async () => {
  for (const head of ["Content-Length: 10", "Transfer-Encoding: chunked"]) {
    await using backend = await startBackend();
    await using umay = await startUmay(toml(backend.address));
    using client = new RawClient(umay.port("web"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const peer = await backend.next();
    peer.socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${head.startsWith("T") ? "3\r\nabc\r\n" : "abc"}`);
    await client.until(({ text }) => text.includes("abc"));
    peer.socket.end();
    await client.until(({ error, ended }) => error !== undefined || ended);
    assert.equal(client.error?.code, "ECONNRESET");
    assert.equal((await requestOf(umay, "/"))["reason"], "backend_closed");
  }
});

test("what is not served is answered by umay: once, with its reason, and as the client would rather have it", async () => {
  await using backend = await startHttpBackend(tellRequest("a"));
  const page = join(await mkdtemp(join(tmpdir(), "umay-")), "413.html");
  await writeFile(page, "<p>too large</p>");
  await using umay = await startUmay(`${toml(backend.address, `errors = { "413" = { file = "${page}" } }`)}
    [routes.robots]
    hosts = ["a.test"]
    path = "/robots.txt"
    respond = { body = "User-agent: *" }
    [routes.api]
    hosts = ["a.test"]
    path_prefix = "/api"
    pool = "app"
    max_body = 4
    deny = ["127.0.0.2/32"]
    [routes.old]
    hosts = ["a.test"]
    path_prefix = "/old"
    redirect = { path_prefix = "/new", status = 308 }`);
  const port = umay.port("web");
  const host = { host: "a.test" };
  assert.equal((await ask(port, { path: "/robots.txt", headers: host })).body, "User-agent: *");
  assert.equal(
    (await ask(port, { path: "/old/a?b", headers: host })).headers.location,
    "http://a.test/new/a?b",
  );
  const large = await ask(port, { method: "POST", path: "/api", headers: host }, Buffer.from("12345"));
  assert.deepEqual([large.status, large.headers["content-type"]], [413, "text/html; charset=utf-8"]);
  assert.equal(large.body, "<p>too large</p>");
  const json = await ask(port, {
    path: "/public%2F..%2Fapi",
    headers: { ...host, accept: "application/json" },
  });
  assert.deepEqual(
    [json.headers["content-type"], told(json.body)["reason"]],
    ["application/problem+json", "ambiguous_path"],
  );
  assert.equal((await ask(port, { path: "/api", headers: host, localAddress: "127.0.0.2" })).status, 403);
  const twice = await ask(port, { path: "/public%2F..%2Fapi", headers: host });
  assert.deepEqual([twice.status, twice.body.includes("ambiguous_path")], [400, true]);
  assert.equal((await ask(port, { method: "TRACE", headers: host })).status, 405);
  for (const bad of [
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
  ]) {
    using client = new RawClient(port);
    client.send(bad);
    await client.until(({ ended }) => ended);
    assert.match(client.text, /^HTTP\/1\.1 (400|501) /);
  }
  assert.equal(await umay.metric("umay_route_requests_total", { route: "api", status: "body_too_large" }), 1);
});
