import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { attachClient, readClientBytes } from "../../../src/data/sockets/events.ts";
import { lingerThenReset } from "../../../src/data/sockets/linger.ts";
import { own, SocketOwner } from "../../../src/data/sockets/owner.ts";

/** So long that a test would fail first. */
const patient = 1_000_000;

test("what a client sends while its socket lingers is counted, also where it is read into the shared buffer", {
  timeout: 60_000,
}, async () => {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const client = connect((server.address() as { port: number }).port, "127.0.0.1");
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.once("error", resolve));
  const [socket] = await accepted;
  const served = own(socket, new SocketOwner());
  attachClient(served);
  readClientBytes(served);
  lingerThenReset(served, "tcp", served, { bytes: 1_000, quiet: patient });
  client.write(Buffer.alloc(2_000));
  assert.equal((await failed).code, "ECONNRESET");
  server.close();
});
