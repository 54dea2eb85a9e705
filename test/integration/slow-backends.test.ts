import assert from "node:assert/strict";
import { test } from "node:test";
import { startBackend, startEchoBackend } from "../support/backend.ts";
import { connectPlain } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { becomes, settled } from "../support/settled.ts";
import { echoed, farewell } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

function start(pool: string, backends: readonly string[]): Promise<RunningUmay> {
  return startUmay(`
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
    [pools.echo]
    ${pool}
    discovery = { type = "static", backends = ${JSON.stringify(backends)} }`);
}

async function session(umay: RunningUmay): Promise<void> {
  const client = await connectPlain(umay.port("echo"));
  await echoed(client);
  await farewell(client);
}

test("peak-ewma finds out over two workers which backend answers late, and gives it few sessions", async () => {
  await using stack = new AsyncDisposableStack();
  const quick = await Promise.all(Array.from({ length: 4 }, async () => stack.use(await startEchoBackend())));
  const slow = stack.use(
    await startBackend({
      onPeer: ({ socket }) => {
        socket.on("data", (bytes) => setTimeout(() => socket.write(bytes), 300));
        socket.on("end", () => setTimeout(() => socket.end(), 300));
      },
    }),
  );
  await using umay = await start(
    'picker = "peak-ewma"',
    [slow, ...quick].map(({ address }) => address),
  );
  const client = async (): Promise<void> => {
    for (let count = 0; count < 20; count++) await session(umay);
  };
  await Promise.all(Array.from({ length: 8 }, client));
  const all = slow.peers.length + quick.reduce((sum, { peers }) => sum + peers.length, 0);
  assert.equal(all, 160);
  // Its turn would be 32. Before its first answer each client may come to it, because it connects as quickly as the others.
  assert.ok(slow.peers.length <= 16, `${slow.peers.length} of ${all}`);
  await settled(umay);
});

test("a backend that is back after its ejection gets a part of its turns in all workers, and status says so", async () => {
  const [port] = await freePorts(1);
  await using steady = await startEchoBackend();
  await using umay = await start(
    `picker = "round-robin"
    slow_start = "1h"
    outlier = { consecutive_errors = 1, ejection = { base = "200ms", max = "200ms" } }`,
    [`127.0.0.1:${port}`, steady.address],
  );
  const percent = async (): Promise<number | undefined> =>
    (await umay.status()).pools["echo"]?.backends[0]?.weight_percent;
  assert.equal(await percent(), 100);
  const afterSession = async (): Promise<number | undefined> => {
    await session(umay);
    return await percent();
  };
  await becomes(afterSession, (value) => value === 10, "the weight after an ejection");

  await using back = await startBackend({ port: port!, onPeer: ({ socket }) => socket.pipe(socket) });
  await becomes(
    async () => {
      await session(umay);
      return back.peers.length;
    },
    (sessions) => sessions > 0,
    "a session on the backend that is back",
  );
  const before = back.peers.length;
  for (let count = 0; count < 120; count++) await session(umay);
  const share = back.peers.length - before;
  // One in eleven is due, half of them would be without slow start.
  assert.ok(share > 0 && share < 30, `${share} of 120`);
  assert.equal(await percent(), 10);
  await settled(umay);
});
