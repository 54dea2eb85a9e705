import assert from "node:assert/strict";
import { test } from "node:test";
import { type Backend, startBackend, startEchoBackend } from "../support/backend.ts";
import { connectPlain } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { becomes, sessionOf, settled } from "../support/settled.ts";
import { echoed, farewell } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

function start(picker: string, backends: string): Promise<RunningUmay> {
  return startUmay(`
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
    pools.echo = { picker = "${picker}", outlier = { enabled = false }, discovery = { type = "static", backends = ${backends} } }`);
}

const open = (backend: Backend): number => backend.peers.filter(({ raw }) => !raw.destroyed).length;

test("least-connection is exact over two workers while many sessions come at once", async () => {
  await using stack = new AsyncDisposableStack();
  const backends: Backend[] = [];
  for (let count = 0; count < 5; count++) backends.push(stack.use(await startEchoBackend()));
  await using umay = await start("least-connection", JSON.stringify(backends.map(({ address }) => address)));
  const connect = (): Promise<Awaited<ReturnType<typeof connectPlain>>> => connectPlain(umay.port("echo"));
  const held = await Promise.all(Array.from({ length: 101 }, connect));
  for (const client of held) await echoed(client);
  const { workers } = await umay.status();
  assert.ok(workers.every(({ connections }) => connections > 0));
  const counts = backends.map(open);
  assert.deepEqual(counts.toSorted(), [20, 20, 20, 20, 21]);

  // All of one backend's sessions end: it gets every new one until it has as many as the others.
  for (const peer of backends[2]!.peers) peer.reset();
  await becomes(
    async () => (await umay.status()).pools["echo"]!.backends[2]!.connections,
    (connections) => connections === 0,
    "an idle backend",
  );
  const before = backends[2]!.peers.length;
  for (const client of await Promise.all(Array.from({ length: 19 }, connect))) await echoed(client);
  assert.equal(backends[2]!.peers.length - before, 19);
});

test("a backup serves only while the primaries refuse", async () => {
  const [port] = await freePorts(1);
  const primary = `127.0.0.1:${port}`;
  await using backup = await startEchoBackend();
  await using umay = await start(
    "round-robin",
    `["${primary}", { address = "${backup.address}", backup = true }]`,
  );
  {
    await using serving = await startBackend({ port: port!, onPeer: ({ socket }) => socket.pipe(socket) });
    for (let count = 0; count < 10; count++) await farewell(await connectPlain(umay.port("echo")));
    assert.equal(serving.peers.length, 10);
    assert.equal(backup.peers.length, 0);
  }
  for (let count = 1; count <= 5; count++) {
    const client = await connectPlain(umay.port("echo"));
    await farewell(client);
    assert.equal(backup.peers.length, count);
    const line = await sessionOf(umay, client);
    const attempts = line["attempts"] as { backend: string; error?: string }[];
    assert.deepEqual(
      attempts.map(({ backend, error }) => [backend, error]),
      [
        [primary, "ECONNREFUSED"],
        [backup.address, undefined],
      ],
    );
    assert.equal(line["backend"], backup.address);
  }
  await using again = await startBackend({ port: port!, onPeer: ({ socket }) => socket.pipe(socket) });
  for (let count = 0; count < 10; count++) await farewell(await connectPlain(umay.port("echo")));
  assert.equal(again.peers.length, 10);
  assert.equal(backup.peers.length, 5);
  await settled(umay);
});
