import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Backend, startBackend } from "../support/backend.ts";
import { poolToml } from "../support/client.ts";
import { ask, RawClient, startHttpBackend, tellRequest } from "../support/http.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const listenerToml = (name: string, pool: string, more = ""): string => `
  [listeners.${name}]
  bind = "127.0.0.1:0"
  mode = "http"
  pool = "${pool}"
  ${more}`;

const poolsToml = (backends: Readonly<Record<string, { readonly address: string }>>): string =>
  Object.entries(backends)
    .map(([name, { address }]) => poolToml(name, [address]))
    .join("");

const start = (toml: string): Promise<RunningUmay> =>
  startUmay(`
  workers = 1
  admin = { bind = "127.0.0.1:0" }
  ${toml}`);

/** Each test but the last has its listener, which is named like its pool. */
const used = new AsyncDisposableStack();
after(() => used.disposeAsync());
let umay: RunningUmay;
let app: Awaited<ReturnType<typeof startHttpBackend>>;
let slow: Backend;
let cut: Backend;

before(async () => {
  app = used.use(await startHttpBackend(tellRequest("a")));
  slow = used.use(await startBackend());
  cut = used.use(await startBackend());
  const body = used.use(
    await startHttpBackend((message, response) => {
      const length = message.headers["x-length"];
      if (message.headers["content-length"] !== undefined) response.setHeader("content-length", length!);
      else response.setHeader("trailer", "x-end");
      message.pipe(response, { end: false });
      message.on("end", () => {
        if (message.headers["content-length"] === undefined) response.addTrailers({ "x-end": "yes" });
        response.end();
      });
    }),
  );
  const pipelined = used.use(
    await startHttpBackend((message, response) => {
      response.setHeader("content-length", message.url!.length);
      setTimeout(() => response.end(message.url), message.url === "/first" ? 30 : 0);
    }),
  );
  const quick = used.use(await startHttpBackend(tellRequest("quick")));
  const pools = { app, body, pipelined, quick, cut };
  umay = used.use(
    await start(`${Object.keys(pools)
      .map((name) => listenerToml(name, name))
      .join("")}
    [routes.slow]
    path = "/slow"
    pool = "slow"
    ${poolsToml({ ...pools, slow })}`),
  );
});

const told = (body: string): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

const requestOf = (umay: RunningUmay, path: string) =>
  umay.logged((line) => line["path"] === path && line["reason"] !== undefined);

test("requests of one client go over one connection, which the backend sees too, with all that umay adds", async () => {
  let connections = 0;
  app.server.on("connection", () => connections++);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let count = 0; count < 20; count++) {
    const { status, body, headers } = await ask(umay.port("app"), {
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
    assert.equal(seen["host"], `127.0.0.1:${umay.port("app")}`);
  }
  agent.destroy();
  assert.equal(connections, 1);
  const line = await requestOf(umay, "/19");
  assert.deepEqual(
    [line["status"], line["reason"], line["pool"], line["backend"]],
    [200, "served", "app", app.address],
  );
  assert.equal(await umay.metric("umay_requests_total", { listener: "app", status: "2xx" }), 20);
  assert.equal(await umay.metric("umay_first_byte_seconds_count", { pool: "app" }), 20);
  assert.equal(await umay.metric("umay_backend_connections", { pool: "app", backend: app.address }), 0);
});

for (const framing of ["length", "chunked"] as const)
  test(`a body with ${framing} arrives byte for byte, and so does the answer`, async () => {
    const body = randomBytes(5_000_000);
    const sent = { "x-length": String(body.length), te: "trailers", connection: "te" };
    const headers =
      framing === "length"
        ? { ...sent, "content-length": body.length }
        : { ...sent, "transfer-encoding": "chunked" };
    const hash = createHash("sha256");
    const got = await fetchBody(umay.port("body"), headers, body, (chunk) => hash.update(chunk));
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
  using client = new RawClient(umay.port("pipelined"));
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
  for (const path of ["/", "/slow"]) {
    using client = new RawClient(umay.port("quick"));
    client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`);
    await client.until(({ text }) => text.startsWith("HTTP/1.1 100 Continue\r\n\r\n"));
    client.send("hello");
    if (path === "/slow") (await slow.next()).socket.write("HTTP/1.1 204 No Content\r\n\r\n");
    await client.until(({ text }) => /HTTP\/1\.1 20[04]/.test(text));
  }
});

test("an answer that is cut short never looks complete, whichever way it was to end", async () => {
  for (const head of ["Content-Length: 10", "Transfer-Encoding: chunked"]) {
    const path = `/${head.slice(0, 8)}`;
    using client = new RawClient(umay.port("cut"));
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const peer = await cut.next();
    peer.socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${head.startsWith("T") ? "3\r\nabc\r\n" : "abc"}`);
    await client.until(({ text }) => text.includes("abc"));
    peer.socket.end();
    await client.until(({ error, ended }) => error !== undefined || ended);
    assert.equal(client.error?.code, "ECONNRESET");
    assert.equal((await requestOf(umay, path))["reason"], "backend_closed");
  }
});

test("what is not served is answered by umay: once, with its reason, and as the client would rather have it", async () => {
  const page = join(await mkdtemp(join(tmpdir(), "umay-")), "413.html");
  await writeFile(page, "<p>too large</p>");
  await using umay = await start(`${listenerToml("web", "app", `errors = { "413" = { file = "${page}" } }`)}
    ${poolsToml({ app })}
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
