import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { TakenServers } from "../../../src/data/accept/taken.ts";

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

test("what comes before the first state is served waits for it; sockets that nobody wants are closed", async () => {
  const [wanted, other] = [await listening(), await listening()];
  const taken = new TakenServers(false);
  taken.add("a", wanted.server);
  taken.add("b", other.server);
  const early = connect(wanted.port, "127.0.0.1");
  const lost = connect(other.port, "127.0.0.1")
    .on("error", () => {})
    .resume();
  await Promise.all([once(early, "connect"), once(lost, "connect")]);
  const accepted: Socket[] = [];
  const { promise: both, resolve } = Promise.withResolvers<void>();
  const servers = taken.adopt("a", (socket) => {
    accepted.push(socket);
    socket.on("data", (bytes) => socket.end(bytes)).resume();
    if (accepted.length === 2) resolve();
  });
  assert.equal(servers.length, 1);
  assert.deepEqual(
    taken.adopt("c", () => {}),
    [],
  );
  early.write("early");
  assert.equal(accepted.length, 0);
  const gone = once(lost, "close");
  taken.begin();
  const late = connect(wanted.port, "127.0.0.1");
  late.write("late");
  await both;
  for (const [socket, text] of [
    [early, "early"],
    [late, "late"],
  ] as const)
    assert.equal(String((await once(socket, "data"))[0]), text);
  await gone;
  for (const server of servers) server.close();
  early.destroy();
  late.destroy();
});
