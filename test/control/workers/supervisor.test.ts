import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { listenerCell } from "../../../src/channel/counters.ts";
import { createSharedMemory, mostConnections, openConnections } from "../../../src/channel/memory.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { discover } from "../../../src/cli/discover.ts";
import type { BoundListener } from "../../../src/control/state/listener-places.ts";
import { Store } from "../../../src/control/state/store.ts";
import { Handover } from "../../../src/control/workers/handover.ts";
import { Supervisor } from "../../../src/control/workers/supervisor.ts";
import { formatAddress } from "../../../src/lib/address.ts";
import { loadModel } from "../../providers/toml/loading.ts";
import { startEchoBackend } from "../../support/backend.ts";
import { connectPlain } from "../../support/client.ts";
import { freePorts } from "../../support/free-ports.ts";
import type { Peer } from "../../support/peer.ts";
import { becomes } from "../../support/settled.ts";
import { echoed, farewell } from "../../support/talk.ts";

/** Two workers that get their connections from this thread. */
async function startScene(backend: string) {
  const model = await loadModel(`
    listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
    pools.echo.discovery = { type = "static", backends = ["${backend}"] }`);
  const shared = createSharedMemory();
  Atomics.store(shared.process, mostConnections, 1000);
  const counters = new WorkerCounters(2);
  const { memories } = counters;
  const [port = 0] = await freePorts(1);
  const bound = new Map<string, BoundListener>([
    ["echo", { addresses: [{ kind: "tcp", host: "127.0.0.1", port }], accept: "handed-over" }],
  ]);
  const store = new Store(model, bound, shared, counters);
  for await (const set of discover(model.pools[0]!.discovery).watch(new AbortController().signal)) {
    assert.ok(set.ok);
    store.setBackends("echo", set.value);
    break;
  }
  const lines: string[] = [];
  const served = Promise.withResolvers<void>();
  const supervisor: Supervisor = new Supervisor(memories, shared, model.log, {
    log: (bytes) => lines.push(...Buffer.from(bytes).toString().trimEnd().split("\n")),
    requests: () => {},
    trouble: (_worker, _what, error) => served.reject(error),
    answered: (_worker, version, refusal) => {
      if (refusal !== undefined) served.reject(new Error(refusal));
      else if (supervisor.publishing.applied === version) served.resolve();
    },
    notHandedOver: (_address, error) => served.reject(error),
    settled: () => {},
    crashed: ({ error }) => served.reject(error),
  });
  return { shared, memories, store, supervisor, lines, served: served.promise };
}

test("connections that this thread accepts are handed to the worker with the fewest", async () => {
  await using backend = await startEchoBackend();
  const { store, supervisor, shared, memories, lines, served } = await startScene(backend.address);
  supervisor.start();
  supervisor.publishing.serve(store);
  await served;
  const [listener] = store.snapshot.listeners;
  const handover = new Handover((address, socket) =>
    supervisor.handOver({ type: "socket", address, socket }),
  );
  await handover.follow([listener!]);
  const [address] = listener!.addresses;
  const port = address?.kind === "tcp" ? address.port : 0;

  const clients: Peer[] = [];
  for (let count = 0; count < 10; count++) {
    const client = await connectPlain(port);
    await echoed(client);
    clients.push(client);
  }
  const accepted = (): number[] =>
    memories.map((memory) => memory[listener!.counters + listenerCell.accepted]!);
  assert.deepEqual(accepted(), [5, 5]);
  for (const client of clients.splice(0, 4)) await farewell(client);
  await becomes(
    () => Atomics.load(shared.process, openConnections),
    (open) => open === 6,
    "open connections",
  );

  handover.close();
  await supervisor.drain();
  assert.equal(await supervisor.cut("stopped"), 6);
  for (const client of clients) assert.equal(await client.ending(), "ECONNRESET");
  assert.equal(lines.length, 10);
  assert.equal(Atomics.load(shared.process, openConnections), 0);
  assert.deepEqual([...shared.workerOpen.subarray(0, 2)], [0, 0]);
});

test("listeners whose connections are handed over change while others are accepted on", async () => {
  const [kept, left, late] = (await freePorts(3)).map(
    (port) => ({ kind: "tcp", host: "127.0.0.1", port }) as const,
  );
  const got: string[] = [];
  const handover = new Handover((address, socket) => {
    got.push(address);
    socket.destroy();
  });
  const ask = async ({ port }: { readonly port: number }): Promise<string | undefined> =>
    connectPlain(port).then(
      (peer) => peer.ending(),
      ({ code }) => code,
    );
  const listener = (name: string, ...addresses: (typeof kept)[]) =>
    ({ name, accept: "handed-over", addresses: addresses.map((address) => address!) }) as const;
  await handover.follow([
    listener("a", kept),
    listener("b", left),
    { ...listener("c", late), accept: "shared-port" },
  ]);
  for (const address of [kept!, left!]) await ask(address);
  assert.equal(await ask(late!), "ECONNREFUSED");
  await handover.follow([listener("renamed", kept), listener("c", late)]);
  for (const address of [kept!, late!]) await ask(address);
  assert.equal(await ask(left!), "ECONNREFUSED");
  assert.deepEqual(
    got,
    [kept, left, kept, late].map((address) => formatAddress(address!)),
  );
  await assert.rejects(
    new Handover(() => {}).follow([listener("d", kept)]),
    /^Error: listener d cannot listen on/,
  );
  handover.close();
});

test("without a worker, a connection that was accepted is closed", async () => {
  const { supervisor } = await startScene("127.0.0.1:1");
  const socket = new Socket();
  supervisor.handOver({ type: "socket", address: "127.0.0.1:1", socket });
  assert.ok(socket.destroyed);
});

test("workers that have not started yet can be drained and ended", async () => {
  const { supervisor, store } = await startScene("127.0.0.1:1");
  supervisor.start();
  supervisor.publishing.serve(store);
  await supervisor.drain();
  assert.equal(await supervisor.cut("stopped"), 0);
  assert.equal(supervisor.restarts, 0);
});
