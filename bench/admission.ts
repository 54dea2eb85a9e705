/**
 * The cost of admitting a connection and counting it out again, in nanoseconds: without limits, and with each of them.
 * `node bench/admission.ts`; on a core of its own (`taskset -c 1`) it is steadier.
 */

import { cpus } from "node:os";
import { Bench } from "tinybench";
import { createAddressTable } from "../src/channel/address-table.ts";
import { createCounterMemory, layout } from "../src/channel/layout.ts";
import { createSharedMemory, mostConnections } from "../src/channel/memory.ts";
import { admit, release } from "../src/data/accept/admission.ts";
import { Challenges } from "../src/data/accept/challenges.ts";
import { LoadWatch } from "../src/data/overload.ts";
import { type Plane, ServedListener } from "../src/data/plane.ts";
import { Mirrors } from "../src/data/serve/http/forward/mirror.ts";
import { dial } from "../src/data/upstream/dial.ts";
import { KeptUpstreams } from "../src/data/upstream/kept.ts";
import { SharedUpstreams } from "../src/data/upstream/shared.ts";
import type { Cidr } from "../src/lib/cidr.ts";
import { Crowd } from "../src/lib/crowd.ts";
import type { ListenerLimits } from "../src/model/listener.ts";
import { createWorkerLogger } from "../src/observe/worker-logger.ts";
import { servedGuards } from "../test/support/served-guards.ts";

const callsPerRun = 1_000;

const none: ListenerLimits = {
  allow: [],
  deny: [],
  maxConnectionsPerIp: undefined,
  connectionRatePerIp: undefined,
  maxHandshakes: 10_000,
};
const most = { maxConnectionsPerIp: 100 };
const rate = { connectionRatePerIp: { connections: 100_000, period: 1000, burst: 100_000 } };

/** Ranges that no client comes from. */
function ranges(count: number): readonly Cidr[] {
  return Array.from({ length: count }, (_, index) => ({
    family: "ipv4",
    address: `203.${index >> 8}.${index & 255}.0`,
    prefix: 24,
  }));
}

const ipv4 = Array.from(
  { length: 1 << 20 },
  (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
);
const ipv6 = Array.from(
  { length: 4_096 },
  (_, index) => `2001:db8:${index.toString(16)}:7::${index.toString(16)}`,
);

const few = ipv4.slice(0, 4_096);

const cases: readonly {
  readonly name: string;
  readonly limits?: Partial<ListenerLimits>;
  readonly addresses?: readonly string[];
}[] = [
  { name: "no limits" },
  { name: "deny, 1 range", limits: { deny: ranges(1) } },
  { name: "deny, 100 ranges", limits: { deny: ranges(100) } },
  { name: "deny, 10,000 ranges", limits: { deny: ranges(10_000) } },
  { name: "connections per address", limits: most },
  { name: "rate per address", limits: rate },
  { name: "both", limits: { ...most, ...rate } },
  { name: "both, IPv6", limits: { ...most, ...rate }, addresses: ipv6 },
  { name: "both, a million addresses", limits: { ...most, ...rate }, addresses: ipv4 },
];

function serve(limits: ListenerLimits): ServedListener {
  const counts = limits.maxConnectionsPerIp !== undefined || limits.connectionRatePerIp !== undefined;
  return new ServedListener(
    {
      name: "web",
      bind: { kind: "tcp", host: "127.0.0.1", port: 0 },
      socket: undefined,
      chains: [],
      detect: false,
      proxyProtocol: undefined,
      tls: [],
      maxConnections: undefined,
      limits,
      timeouts: { handshake: 1 },
      slot: 0,
      counters: 0,
      addresses: [],
      accept: "shared-port",
      ticketKeys: undefined,
      addressTable: counts ? createAddressTable(262_144, 2, 1) : undefined,
    },
    { pools: new Map(), tables: new Map() },
    1,
  );
}

const plane: Plane = {
  worker: 0,
  challenges: new Challenges(),
  shared: createSharedMemory(),
  counters: createCounterMemory(),
  logger: createWorkerLogger({ level: "silent" }, () => {}).logger,
  logSessions: false,
  open: new Crowd(),
  serve: () => {},
  dial,
  kept: new KeptUpstreams({ shared: createSharedMemory(), counters: createCounterMemory() }),
  guards: servedGuards(createCounterMemory()),
  sharedUpstreams: new SharedUpstreams(dial, {
    shared: createSharedMemory(),
    counters: createCounterMemory(),
  }),
  mirrors: new Mirrors(),
  load: new LoadWatch(createSharedMemory(), 0),
  isDraining: false,
  handshakes: new Int32Array(layout.listener.capacity),
};
plane.shared.process[mostConnections] = 1_000_000;

/** @returns the median time of one admission with its release, in nanoseconds. */
async function cost(limits: ListenerLimits, addresses: readonly string[]): Promise<number> {
  const listener = serve(limits);
  let next = 0;
  const bench = new Bench({ time: 500, warmupTime: 200, throws: true });
  bench.add("run", () => {
    for (let count = 0; count < callsPerRun; count++) {
      const place = admit(listener, plane, addresses[next++ % addresses.length]!);
      if (place === undefined) throw new Error("a connection was refused");
      release(listener, plane, place);
    }
  });
  const [task] = await bench.run();
  if (task?.result.state !== "completed") throw new Error(`the benchmark ended as ${task?.result.state}`);
  return (task.result.latency.p50 * 1e6) / callsPerRun;
}

const rows: Record<string, string | number>[] = [];
for (const { name, limits, addresses = few } of cases)
  rows.push({ limits: name, ns: Math.round(await cost({ ...none, ...limits }, addresses)) });
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
console.log("One admission with its release (median):");
console.table(rows);
