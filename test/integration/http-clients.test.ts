import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { poolToml } from "../support/client.ts";
import { curl, nodeHttp, python } from "../support/http-clients.ts";
import { soon } from "../support/peer.ts";
import { testClients } from "../support/test-http-clients.ts";
import { startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";
import { echoWebSockets } from "../support/web-socket-echo.ts";

// Those that have to be compiled first are in test/soak/.
testClients([nodeHttp, curl, python]);

test("fetch and WebSocket of Node get along with umay", async () => {
  await using backend = await NodeServer.start();
  echoWebSockets(backend.server);
  await using umay = await startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    listeners.web = { bind = "127.0.0.1:0", mode = "http", pool = "app" }
    ${poolToml("app", [backend.address])}`);
  const host = `127.0.0.1:${umay.port("web")}`;
  const body = new Blob(["x".repeat(100_000)]).stream();
  const response = await fetch(`http://${host}/up`, { method: "POST", body, duplex: "half" } as RequestInit);
  assert.deepEqual([response.status, await response.text(), backend.seen[0]!.body], [200, "/up", 100_000]);
  const socket = new WebSocket(`ws://${host}/socket`);
  await soon(once(socket, "open"), "a WebSocket");
  for (const text of ["", "short", "x".repeat(70_000)]) {
    socket.send(text);
    const [event] = (await soon(once(socket, "message"), "a message")) as [MessageEvent];
    assert.equal(event.data, text);
  }
  socket.close(1000);
  const [closed] = (await soon(once(socket, "close"), "the end of a WebSocket")) as [CloseEvent];
  assert.deepEqual([closed.code, closed.wasClean], [1000, true]);
  const line = await umay.logged(({ path }) => path === "/socket");
  assert.deepEqual([line["reason"], line["status"]], ["upgraded", 101]);
});
