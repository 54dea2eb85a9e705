import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, RawClient, startHttpBackend, tellRequest } from "../support/http.ts";
import { patient } from "../support/patience.ts";
import { soon } from "../support/peer.ts";
import { type LogLine, startUmay } from "../support/umay.ts";

const folder = await mkdtemp(join(tmpdir(), "umay-http-"));
after(() => rm(folder, { recursive: true }));

const toml = (pools: Readonly<Record<string, string>>, route: string, more = ""): string => `
  workers = 2
  shutdown = { delay = "0s", timeout = "20s" }
  admin = { bind = "127.0.0.1:0" }
  [listeners.web]
  bind = "127.0.0.1:0"
  mode = "http"
  pool = "one"
  ${more}
  [routes.moved]
  path_prefix = "/moved"
  pool = "${route}"
  ${Object.entries(pools)
    .map(([name, address]) => `[pools.${name}]\ndiscovery = { type = "static", backends = ["${address}"] }`)
    .join("\n")}`;

const isReloaded = ({ msg }: LogLine): boolean => msg.startsWith("the configuration was reloaded");

test("while routes change, no request is lost, and each goes to a pool that its route had", async () => {
  await using one = await startHttpBackend(tellRequest("one"));
  await using two = await startHttpBackend(tellRequest("two"));
  const pools = { one: one.address, two: two.address };
  const file = join(folder, "umay.toml");
  await writeFile(file, toml(pools, "one"));
  await using umay = await startUmay("", { args: ["--config", file] });
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let stop = false;
  const seen = new Map<string, number>();
  const load = Array.from({ length: 8 }, async () => {
    while (!stop) {
      const { status, body } = await ask(umay.port("web"), { agent, path: "/moved/a" });
      assert.equal(status, 200);
      const { name } = JSON.parse(body) as { name: string };
      seen.set(name, (seen.get(name) ?? 0) + 1);
      await sleep(2);
    }
  });
  for (let change = 0; change < 6; change++) {
    await writeFile(file, toml(pools, change % 2 === 0 ? "two" : "one"));
    const before = umay.log.filter(isReloaded).length;
    umay.signal("SIGHUP");
    await umay.logged(() => umay.log.filter(isReloaded).length > before);
  }
  stop = true;
  await Promise.all(load);
  agent.destroy();
  assert.ok(seen.get("one")! > 0 && seen.get("two")! > 0, JSON.stringify([...seen]));
  const { body } = await ask(umay.port("web"), { path: "/moved/b" });
  assert.equal((JSON.parse(body) as { name: string }).name, "one");
});

test("a drain answers what is under way, says close, and closes idle connections", async () => {
  let answer = (): void => {};
  await using backend = await startHttpBackend((_, response) => {
    answer = () => void response.end("late");
  });
  await using umay = await startUmay(toml({ one: backend.address }, "one"));
  using idle = new RawClient(umay.port("web"));
  using busy = new RawClient(umay.port("web"));
  idle.send("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n");
  await soon(idleAnswered(), "a request at the backend");
  answer();
  await idle.until(({ text }) => text.endsWith("late"));
  answer = () => {};
  busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
  const before = answer;
  await soon(
    changed(() => answer !== before),
    "a request at the backend",
  );
  umay.signal("SIGTERM");
  await idle.until(({ ended }) => ended);
  assert.equal(idle.error, undefined);
  answer();
  await busy.until(({ ended }) => ended);
  assert.match(busy.text, /connection: close\r\n/);
  assert.match(busy.text, /late$/);
  assert.equal(await soon(umay.exited, "the end of umay", patient(10_000)), 0);

  function idleAnswered(): Promise<void> {
    const first = answer;
    return changed(() => answer !== first);
  }
});

async function changed(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a WebSocket passes both ways, with what came right behind the 101, until one side ends", async () => {
  const server = createServer();
  const sockets = new Set<Duplex>();
  after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.on("upgrade", (message, socket) => {
    sockets.add(socket);
    const key = `${message.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nwelcome`,
    );
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await using umay = await startUmay(
    `${toml({ one: `127.0.0.1:${port}` }, "one")}
    [routes.plain]
    path = "/plain"
    pool = "one"
    upgrades = []`,
  );
  const head = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
  using client = new RawClient(umay.port("web"));
  client.send(head("/chat"));
  await client.until(({ text }) => text.endsWith("welcome"));
  assert.match(
    client.text,
    /^HTTP\/1\.1 101 Switching Protocols\r\n.*sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/is,
  );
  const much = "x".repeat(300_000);
  client.send(much);
  await client.until(({ text }) => text.endsWith(much));
  client.socket.end();
  await client.until(({ ended }) => ended);
  const line = await umay.logged((each) => each["path"] === "/chat");
  assert.deepEqual([line["reason"], line["status"], line["detail"]], ["upgraded", 101, "client_closed"]);
  assert.equal(line["sent"], much.length + "welcome".length);
  using refused = new RawClient(umay.port("web"));
  refused.send(head("/plain"));
  await refused.until(({ text }) => text.includes("upgrade_refused"));
  assert.match(refused.text, /^HTTP\/1\.1 403 /);
});
