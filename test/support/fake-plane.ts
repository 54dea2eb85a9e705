import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { backendCell, listenerCell, poolCell } from "../../src/channel/counters.ts";
import { countersOf, createCounterMemory, layout } from "../../src/channel/layout.ts";
import { createSharedMemory, mostConnections, mostRequests, noLimit } from "../../src/channel/memory.ts";
import { Challenges } from "../../src/data/accept/challenges.ts";
import { ServedPool } from "../../src/data/dispatch/pool.ts";
import type { Open } from "../../src/data/open.ts";
import type { Dial } from "../../src/data/upstream/dial.ts";
import type { UpstreamTls } from "../../src/data/upstream/upstream.ts";
import { Crowd } from "../../src/lib/crowd.ts";
import type { PlacedBackend } from "../../src/model/backend.ts";
import type { Chain } from "../../src/model/chain.ts";
import { type EndReason, endReasons } from "../../src/model/reasons.ts";
import type { PlacedListener, PlacedPool } from "../../src/model/snapshot.ts";
import type { Format } from "../../src/observe/line-batch.ts";
import { chainTo } from "./chains.ts";
import { FakeSocket } from "./fake-socket.ts";
import { poolHttp } from "./pool-http.ts";

export const fakeBackends: readonly PlacedBackend[] = [0, 1, 2].map((slot) => ({
  address: `127.0.0.1:${80 + slot}`,
  target: { kind: "tcp", host: "127.0.0.1", port: 80 + slot },
  weight: 1,
  tier: 0,
  slot,
  counters: countersOf("backend", slot),
}));

export const fakePool: PlacedPool = {
  name: "app",
  picker: { type: "round-robin" },
  http: poolHttp,
  proxyProtocol: undefined,
  slowStart: 0,
  connect: { timeout: 1_000, attempts: 3, retryBudget: { percent: 20, min: 1 } },
  maxConnectionsPerBackend: 1,
  queue: { size: 2, timeout: 1_000 },
  warming: false,
  tls: undefined,
  slot: 0,
  counters: countersOf("pool", 0),
  backends: fakeBackends,
};

/** Leads every connection to the pool. */
export const fakeChain: Chain = chainTo(
  "app",
  {},
  { timeouts: { idle: 1_000, halfClose: 2_000, stall: 60_000 } },
);

export const fakeListener: PlacedListener = {
  name: "web",
  bind: { kind: "tcp", host: "127.0.0.1", port: 443 },
  socket: undefined,
  chains: [fakeChain],
  detect: false,
  proxyProtocol: undefined,
  tls: [],
  maxConnections: undefined,
  limits: {
    allow: [],
    deny: [],
    maxConnectionsPerIp: undefined,
    connectionRatePerIp: undefined,
    maxHandshakes: 100,
  },
  timeouts: { handshake: 1_000 },
  slot: 0,
  counters: countersOf("listener", 0),
  addresses: [],
  accept: "shared-port",
  ticketKeys: undefined,
  addressTable: undefined,
};

/** Memory is costly to make: all planes of a file share it, and each begins with nothing in it. */
const shared = createSharedMemory();
const counters = createCounterMemory();
const handshakes = new Int32Array(layout.listener.capacity);

/** Later than any timeout; by `performance.now()`. */
export const muchLater = (): number => performance.now() + 1e6;

/** The plane of a worker, with a dialler that connects nothing. */
export class FakePlane {
  readonly worker = 0;
  readonly shared = shared;
  readonly counters = counters;
  readonly handshakes = handshakes;
  readonly challenges = new Challenges();
  readonly open = new Crowd<Open>();
  readonly logSessions = true;
  readonly lines: { readonly reason: EndReason }[] = [];
  readonly logger = {
    isLevelEnabled: () => true,
    warn: (line: object) => this.#logged("warn", line),
    info: (line: object) => this.#logged("info", line),
    debug: (line: object) => this.#logged("debug", line),
    later: <T>(what: T, format: Format<T>) => this.#logged("info", JSON.parse(String(format(what)))),
  };
  /** Of each line. */
  readonly levels: string[] = [];
  /** Every socket to a backend, TLS on top of one included. */
  readonly dialled: FakeSocket[] = [];
  readonly dial: Dial = () => this.#dialled(new FakeSocket());

  constructor() {
    for (const cells of Object.values(shared)) cells.fill(0, 0, 64);
    shared.process[mostConnections] = 1e6;
    shared.process[mostRequests] = noLimit;
    counters.fill(0, fakeListener.counters, fakeListener.counters + listenerCell.size);
    counters.fill(0, fakePool.counters, fakePool.counters + poolCell.size);
    for (const { counters: first } of fakeBackends) counters.fill(0, first, first + backendCell.size);
    handshakes.fill(0, 0, 8);
  }

  #logged(level: string, line: object): void {
    this.lines.push(line as { reason: EndReason });
    this.levels.push(level);
  }

  #dialled(fake: FakeSocket): Socket {
    fake.connecting = true;
    this.dialled.push(fake);
    return fake.socket;
  }

  /** @param secure the pool's backends speak TLS. */
  pool(changes: Partial<PlacedPool> = {}, secure = false): ServedPool {
    const memory = { shared, counters, worker: { index: 0, count: 1 }, peers: () => [], want: () => {} };
    const pool = new ServedPool({ ...fakePool, ...changes }, memory);
    if (secure) {
      const begin: UpstreamTls["begin"] = (raw) => this.#dialled((raw as unknown as FakeSocket).secure());
      const wiring = {
        ...pool.wiringOf(pool.definition.backends[0]!),
        definition: pool.definition,
        tls: { begin },
      };
      pool.wiringOf = () => wiring;
    }
    return pool;
  }

  /** How many connections ended for each reason. */
  get ends(): Partial<Record<EndReason, number>> {
    const reasons = Object.keys(endReasons) as EndReason[];
    const first = fakeListener.counters + listenerCell.ends;
    const counts = reasons.map((reason, index) => [reason, counters[first + index]!] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  listenerCount(cell: "accepted" | "ended" | "received" | "sent"): number {
    return counters[fakeListener.counters + listenerCell[cell]]!;
  }

  /** The places taken in shared memory agree with the counts, and with the leases that are known to be taken. */
  holds({ leases, waiting }: { readonly leases: readonly number[]; readonly waiting: number }): void {
    const pool = (cell: keyof typeof poolCell): number => counters[fakePool.counters + poolCell[cell]]!;
    assert.deepEqual([...shared.backendActive.subarray(0, 3)], leases);
    for (const { slot, counters: first } of fakeBackends)
      assert.equal(
        counters[first + backendCell.leased]! - counters[first + backendCell.released]!,
        leases[slot],
      );
    const all = leases.reduce((sum, count) => sum + count, 0);
    assert.equal(shared.poolActive[0], all);
    assert.equal(pool("leased") - pool("released"), all);
    assert.equal(shared.poolWaiting[0], waiting);
    assert.equal(pool("queued") - pool("dequeued"), waiting);
    assert.equal(pool("retried") - pool("settled"), shared.poolRetries[0]);
    assert.ok(shared.poolRetries[0]! <= all);
  }

  /** Nothing is taken, and no socket to a backend is open. */
  isEmpty(): void {
    this.holds({ leases: [0, 0, 0], waiting: 0 });
    assert.equal(shared.poolRetries[0], 0);
    assert.ok(
      this.dialled.every(({ destroyed }) => destroyed),
      "a socket to a backend is open",
    );
  }
}
