import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, before, test } from "node:test";
import { poolToml } from "../support/client.ts";
import { Http2Backend } from "../support/http2-server.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/* `connect.sources`: connections to backends come from the address that the pool names, whatever they are for. */

const resources = new AsyncDisposableStack();
const checkedFrom = new Set<string>();
let umay: RunningUmay;

before(async () => {
  const backend = createServer((request, answer) => {
    if (request.url === "/health") checkedFrom.add(request.socket.remoteAddress!);
    answer.end(request.socket.remoteAddress);
  });
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  resources.defer(() => {
    backend.closeAllConnections();
    backend.close();
  });
  const two = resources.use(
    await Http2Backend.start((stream) => {
      stream.respond({ ":status": 200 });
      stream.end(stream.session!.socket.remoteAddress);
    }),
  );
  const address = `127.0.0.1:${(backend.address() as AddressInfo).port}`;
  const sources = 'connect.sources = ["127.0.0.9", "::1"]';
  umay = resources.use(
    await startUmay(`
      workers = 1
      admin.bind = "127.0.0.1:0"
      listeners.relay = { bind = "127.0.0.1:0", pool = "relay" }
      listeners.web = { bind = "127.0.0.1:0", mode = "http" }
      [routes.one]
      hosts = ["one.test"]
      pool = "one"
      [routes.two]
      hosts = ["two.test"]
      pool = "two"
      ${poolToml("relay", [address], sources)}
      ${poolToml("one", [address], `${sources}\nhealth = { type = "http", path = "/health" }`)}
      ${poolToml("two", [two.address], `${sources}\nhttp.version = "2"`)}`),
  );
});

after(() => resources.disposeAsync());

async function ask(host: string): Promise<string> {
  const asked = get({ host: "127.0.0.1", port: umay.port("web"), headers: { host }, agent: false });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let body = "";
  for await (const part of answer) body += String(part);
  return body;
}

test("requests come from there, over HTTP/1.1 and HTTP/2", async () => {
  assert.deepEqual([await ask("one.test"), await ask("two.test")], ["127.0.0.9", "127.0.0.9"]);
});

test("so do sessions that are relayed", async () => {
  const socket = connect(umay.port("relay"), "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  let text = "";
  for await (const part of socket) text += String(part);
  assert.match(text, /\r\n\r\n(9\r\n)?127\.0\.0\.9/);
});

test("and health checks", async () => {
  await becomes(
    () => checkedFrom.size,
    (addresses) => addresses > 0,
    "addresses of checks",
  );
  assert.deepEqual([...checkedFrom], ["127.0.0.9"]);
});
