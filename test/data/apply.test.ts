import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { createCounterMemory } from "../../src/channel/layout.ts";
import { createSharedMemory } from "../../src/channel/memory.ts";
import { WorkerCounters } from "../../src/channel/worker-counters.ts";
import type { BoundListener } from "../../src/control/state/listener-places.ts";
import { Store } from "../../src/control/state/store.ts";
import { ServedState } from "../../src/data/apply.ts";
import type { Model } from "../../src/model/model.ts";
import type { Difference, PlacedListener, PlacedPool, PlacedRouteTable } from "../../src/model/snapshot.ts";
import { httpModel } from "../providers/toml/http/loading.ts";
import { loadModel } from "../providers/toml/loading.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { servedGuards } from "../support/served-guards.ts";
import { endingOf } from "../support/talk.ts";

const { ecdsa } = await testCertificates();
const [portA = 0, portB = 0] = await freePorts(2);

const model = await loadModel(`
  [listeners.a]
  bind = "127.0.0.1:${portA}"
  pool = "one"
  timeouts = { handshake = "10s", idle = "1h", half_close = "1h", stall = "1h" }
  [listeners.b]
  bind = "127.0.0.1:${portB}"
  pool = "two"
  timeouts = { handshake = "10s", idle = "1h", half_close = "1h", stall = "1h" }
  tls = { certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }] }
  [pools]
  one.discovery = { type = "static", backends = ["127.0.0.1:1"] }
  two.discovery = { type = "static", backends = ["127.0.0.1:1"] }
  two.connect = { timeout = "1s" }`);

/** The model as a control plane would have placed it. */
function placed({ listeners, pools, routeTables }: Model): {
  listeners: PlacedListener[];
  pools: PlacedPool[];
  routeTables: PlacedRouteTable[];
} {
  const bound = new Map<string, BoundListener>(
    listeners.map(({ name, bind }) => [name, { addresses: [bind], accept: "shared-port" }]),
  );
  const store = new Store(
    { listeners, pools, routeTables },
    bound,
    createSharedMemory(),
    new WorkerCounters(0),
  );
  const { snapshot } = store;
  return {
    listeners: [...snapshot.listeners],
    pools: [...snapshot.pools],
    routeTables: [...snapshot.routeTables],
  };
}

const {
  listeners: [a, b],
  pools: [one, two],
} = placed(model) as unknown as {
  listeners: [PlacedListener, PlacedListener];
  pools: [PlacedPool, PlacedPool];
};

const nothing: Difference = {
  version: 1,
  listeners: [],
  pools: [],
  routeTables: [],
  gone: { listeners: [], pools: [], routeTables: [] },
};

function scene() {
  const connections: string[] = [];
  const settled: number[] = [];
  const counters = createCounterMemory();
  const memory = {
    guards: servedGuards(counters),
    shared: createSharedMemory(),
    counters,
    worker: { index: 0, count: 1 },
    peers: () => [],
    want: () => {},
  };
  const state: ServedState = new ServedState(memory, {
    taken: { adopt: () => [] },
    onConnection(listener, socket) {
      const { name } = listener.definition;
      connections.push(state.listener(name) === listener ? name : `${name}, before it is in place`);
      socket.destroy();
    },
    onServerError: assert.fail,
    onSettled: () => settled.push(state.settled),
  });
  const apply = (version: number, change: Partial<Difference>): Promise<void> =>
    state.apply({ ...nothing, ...change, version });
  return { state, apply, connections, settled, [Symbol.dispose]: () => void state.leave() };
}

test("only what a change names is touched", async () => {
  using all = scene();
  const { state, apply } = all;
  await apply(1, { listeners: [a], pools: [one, two] });
  const listener = state.listener("a");
  const pool = state.pools.get("one")!;
  const { definition } = pool;
  await apply(2, { pools: [{ ...two, picker: { type: "random" } }] });
  assert.equal(state.listener("a"), listener);
  assert.equal(state.pools.get("one"), pool);
  assert.equal(pool.definition, definition);
  assert.deepEqual(state.pools.get("two")!.definition.picker, { type: "random" });
  // Its listener finds a pool that is new, and one that was replaced.
  const [chain] = a.chains;
  const moved = { ...chain!, serve: { kind: "relay", to: [{ pool: "three", weight: 1 }] } } as const;
  await apply(3, {
    listeners: [{ ...a, chains: [moved] }],
    pools: [{ ...one, name: "three", slot: 2 }],
  });
  assert.equal(state.listener("a")!.poolNamed("three"), state.pools.get("three"));
});

test("when anything of a change fails, nothing of it is there", async () => {
  using all = scene();
  const { state, apply } = all;
  await apply(1, { listeners: [a], pools: [one, two] });
  const listener = state.listener("a");
  const bad = { ...b, tls: [{ ...b.tls[0]!, ciphers: "no such cipher" }] };
  const change = {
    listeners: [{ ...a, addresses: b.addresses }, bad],
    pools: [
      { ...one, backends: [], slowStart: 5 },
      { ...one, name: "three", slot: 2 },
    ],
    gone: { listeners: [], pools: ["two"], routeTables: [] },
  };
  await assert.rejects(apply(2, change), /cipher/i);
  assert.equal(state.listener("a"), listener);
  assert.deepEqual([...state.pools.keys()], ["one", "two"]);
  assert.equal(state.pools.get("one")!.definition, one);
  // The socket that it had opened is closed again, and the old one is open.
  assert.equal(await endingOf(connectPlain(portB)), "ECONNREFUSED");
  await endingOf(connectPlain(portA));
  assert.deepEqual(all.connections, ["a"]);
  assert.equal(state.settled, 1);
});

test("a listener whose pool is not served is refused", async () => {
  using all = scene();
  await assert.rejects(
    all.apply(1, { listeners: [a], pools: [two] }),
    /listener a sends sessions to pool one, which is not served/,
  );
  assert.equal(all.state.pools.size, 0);
});

test("sockets stay open where the address does, whatever their listener is called", async () => {
  using all = scene();
  await all.apply(1, { listeners: [a], pools: [one, two] });
  const renamed = { ...a, name: "c" };
  await all.apply(2, { listeners: [renamed], gone: { listeners: ["a"], pools: [], routeTables: [] } });
  await endingOf(connectPlain(portA));
  assert.deepEqual(all.connections, ["c"]);
  assert.equal(all.state.listener("a"), undefined);
  await all.apply(3, { gone: { listeners: ["c"], pools: ["one"], routeTables: [] } });
  assert.equal(await endingOf(connectPlain(portA)), "ECONNREFUSED");
  assert.deepEqual([...all.state.pools.keys()], ["two"]);
});

/** Undefined: nobody listens there yet. */
async function connected(host: string): Promise<Socket | undefined> {
  const socket = connect(portA, host);
  return once(socket, "connect").then(
    () => socket,
    () => undefined,
  );
}

test("a connection to a new address comes when the whole change is in place, however many sockets that opens", async () => {
  const hosts = Array.from({ length: 200 }, (_, index) => `127.1.0.${index + 1}`);
  const listeners = hosts.map((host, slot) => {
    const address = { kind: "tcp", host, port: portA } as const;
    return { ...a, name: host, bind: address, addresses: [address], slot };
  });
  using all = scene();
  const applied = all.apply(1, { listeners, pools: [one, two] });
  let socket: Socket | undefined;
  while (socket === undefined) socket = await connected(hosts[0]!);
  const closed = once(socket, "close");
  await applied;
  await closed;
  assert.deepEqual(all.connections, [hosts[0]]);
});

test("a version is settled when no connection that came before it is undecided", async () => {
  using all = scene();
  const { state, apply, settled } = all;
  await apply(1, { listeners: [a, b], pools: [one, two] });
  const [first, second] = [state.listener("a")!, state.listener("b")!];
  for (const listener of [first, first, second]) listener.undecided++;
  await apply(5, { listeners: [{ ...a, maxConnections: 7 }] });
  assert.equal(state.settled, 1);
  await apply(8, { gone: { listeners: ["b"], pools: [], routeTables: [] } });
  first.decided();
  assert.deepEqual([state.settled, settled], [1, []]);
  first.decided();
  assert.deepEqual([state.settled, settled], [5, [5]]);
  second.decided();
  assert.deepEqual([state.settled, settled], [8, [5, 8]]);
});

test("the shortest timeout is that of what is served now", async () => {
  using all = scene();
  const { state, apply } = all;
  await apply(1, { listeners: [a], pools: [one] });
  assert.equal(state.shortestTimeout, one.connect.timeout);
  await apply(2, { listeners: [b], pools: [two] });
  assert.equal(state.shortestTimeout, 1_000);
  await apply(3, { pools: [{ ...two, connect: { ...two.connect, timeout: 300 } }] });
  assert.equal(state.shortestTimeout, 300);
  await apply(4, { gone: { listeners: ["b"], pools: ["two"], routeTables: [] } });
  assert.equal(state.shortestTimeout, one.connect.timeout);
  const chains = a.chains.map((chain) => ({ ...chain, timeouts: { ...chain.timeouts, idle: 200 } }));
  await apply(5, { listeners: [{ ...a, chains }] });
  assert.equal(state.shortestTimeout, 200);
  const { routeTables } = placed(
    await httpModel(`
      [listeners.web]
      bind = "127.0.0.1:8080"
      mode = "http"
      [routes.quick]
      pool = "one"
      timeouts = { first_byte = "150ms", request = "90ms" }
      [pools]
      one.discovery = { type = "static", backends = ["127.0.0.1:1"] }`),
  );
  await apply(6, { routeTables });
  assert.equal(state.shortestTimeout, 90);
  await apply(7, { gone: { listeners: [], pools: [], routeTables: routeTables.map(({ name }) => name) } });
  assert.equal(state.shortestTimeout, 200);
});
