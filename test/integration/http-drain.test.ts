import assert from "node:assert/strict";
import { test } from "node:test";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { patient } from "../support/patience.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";
import { echoWebSockets } from "../support/web-socket-echo.ts";

const start = (backend: NodeServer, deadline: string): Promise<RunningUmay> =>
  startUmay(`
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    shutdown.timeout = "${deadline}"
    listeners.web = { bind = "127.0.0.1:0", mode = "http", pool = "app" }
    ${poolToml("app", [backend.address])}`);

/** The state of a client's requests when it can send no more. */
interface Load {
  readonly answered: Set<string>;
  /** Sent, but not answered in full. */
  readonly lost: string[];
}

/** Sends requests with bodies until umay takes no connection any more. */
async function keepPosting(port: number, name: string, { answered, lost }: Load): Promise<void> {
  let client: HttpClient | undefined;
  for (let count = 0; ; count++) {
    const path = `/${name}/${count}`;
    try {
      client ??= await HttpClient.connect(port);
    } catch {
      return;
    }
    client.write(`POST ${path} HTTP/1.1\r\nhost: a.example\r\ncontent-length: 5\r\n\r\nhello`);
    const response = await client.response().catch(() => undefined);
    if (response?.status === 200 && response.isComplete && response.body.toString() === path)
      answered.add(path);
    else lost.push(path);
    if (response !== undefined && response.fields.get("connection") !== "close") continue;
    client[Symbol.dispose]();
    client = undefined;
  }
}

test("SIGTERM under load loses no request that was begun, and ends with 0 before the deadline", async () => {
  await using backend = await NodeServer.start((response, { url }) =>
    setTimeout(() => response.end(url), 20),
  );
  await using umay = await start(backend, `${patient(20_000)}ms`);
  const load: Load = { answered: new Set(), lost: [] };
  const clients = Promise.all(
    Array.from({ length: 16 }, (_, index) => keepPosting(umay.port("web"), String(index), load)),
  );
  while (load.answered.size < 100) await new Promise((resolve) => setTimeout(resolve, 5));
  umay.signal("SIGTERM");
  await soon(clients, "the end of the load");
  assert.equal(await umay.exited, 0);
  // A client may send over a connection that is just being closed; such a request reached nobody.
  const begun = new Set(backend.seen.map(({ target }) => target));
  assert.deepEqual(
    load.lost.filter((path) => begun.has(path)),
    [],
  );
  assert.ok(load.lost.length <= 2, `${load.lost.length} requests met a connection that closed`);
  assert.equal(begun.size, load.answered.size);
  assert.deepEqual(
    umay.log.filter(({ status, reason }) => status !== undefined && reason !== "served"),
    [],
  );
});

test("a body that is on its way at SIGTERM comes through, both ways; idle connections close in order", async () => {
  const big = Buffer.alloc(4 * 2 ** 20, "x");
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
  const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
  await using backend = await NodeServer.start((response, { url }, body) => {
    if (url !== "/big") {
      response.end("ok");
      return;
    }
    response.write(`${body} `);
    asked();
    void mayAnswer.then(() => response.end(big));
  });
  await using umay = await start(backend, `${patient(20_000)}ms`);
  const port = umay.port("web");
  using idle = await HttpClient.connect(port);
  idle.write("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
  assert.equal((await idle.response()).status, 200);
  using uploading = await HttpClient.connect(port);
  uploading.write("POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 10\r\n\r\nhello");
  using downloading = await HttpClient.connect(port);
  downloading.write("POST /big HTTP/1.1\r\nhost: a.example\r\ncontent-length: 5\r\n\r\nhello");
  const download = downloading.response();
  await isAsked;
  umay.signal("SIGTERM");
  await umay.logged(({ msg }) => /drain/.test(msg));
  assert.equal(await idle.ending(), "end");
  uploading.write("world");
  const upload = await uploading.response();
  assert.deepEqual([upload.status, upload.fields.get("connection")], [200, "close"]);
  answer();
  const { isComplete, body } = await download;
  assert.ok(isComplete);
  assert.equal(body.length, big.length + 2);
  assert.equal(await umay.exited, 0);
});

test("at the deadline, WebSockets and answers that are not complete are reset, and logged so", async () => {
  await using backend = await NodeServer.start((response) => void response.write("some of it"));
  echoWebSockets(backend.server);
  await using umay = await start(backend, "300ms");
  using socket = await HttpClient.connect(umay.port("web"));
  socket.write(
    "GET /socket HTTP/1.1\r\nhost: a.example\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  assert.equal((await socket.response()).status, 101);
  using client = await HttpClient.connect(umay.port("web"));
  client.write("GET /endless HTTP/1.1\r\nhost: a.example\r\n\r\n");
  const response = client.response();
  while (backend.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  umay.signal("SIGTERM");
  assert.equal((await response).isComplete, false);
  assert.equal(await client.ending(), "ECONNRESET");
  assert.equal(await socket.ending(), "ECONNRESET");
  await umay.exited;
  const lines = umay.log.filter(({ path }) => path !== undefined);
  assert.deepEqual(lines.map(({ path, reason }) => `${path} ${reason}`).sort(), [
    "/endless drain_deadline",
    "/socket upgraded",
  ]);
});
