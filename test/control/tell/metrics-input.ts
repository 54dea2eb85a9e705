import assert from "node:assert/strict";
import { countersOf } from "../../../src/channel/layout.ts";
import { createSharedMemory } from "../../../src/channel/memory.ts";
import { slotsOf } from "../../../src/channel/slots.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import type { DiscoveryReading, MetricsInput } from "../../../src/control/tell/readings.ts";
import { readStatus, type Status } from "../../../src/control/tell/status/status.ts";
import { longJson } from "../../../src/lib/long-json.ts";
import type { Chain } from "../../../src/model/chain.ts";
import type { HttpFront } from "../../../src/model/http/front.ts";
import type { RateLimit } from "../../../src/model/http/guard.ts";
import type { ListenerTls } from "../../../src/model/listener.ts";
import type { Certificate } from "../../../src/model/material.ts";
import type { PoolTls } from "../../../src/model/pool.ts";
import type { PlacedListener, PlacedPool, Snapshot } from "../../../src/model/snapshot.ts";
import { chainTo } from "../../support/chains.ts";
import { placedGuard } from "../../support/placed-guard.ts";
import { poolHttp } from "../../support/pool-http.ts";
import { wholeText } from "../../support/whole-text.ts";

/** Legal in configuration, and a test of everyone who writes or reads labels. */
export const awkward = 'C:\\new "one"\n{le="1"}';

export const expiry = Date.UTC(2027, 0, 1);

function certificate(subject: string, notAfter: number): Certificate {
  const source = { kind: "file", cert: "", key: "" } as const;
  return { source, cert: "", key: "", subject, keyType: "ec", names: [], notAfter };
}

const tls: ListenerTls = {
  name: "tls",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: "",
  groups: [],
  alpn: [],
  certificates: [
    certificate("CN=example.com", expiry + 1000),
    certificate("CN=example.com", expiry),
    certificate(awkward, expiry + 500),
  ],
  strictSni: false,
  clientAuth: undefined,
  sessionTickets: undefined,
};

const poolTls: PoolTls = {
  verify: true,
  ca: undefined,
  serverName: undefined,
  certificate: certificate("CN=umay", expiry + 2000),
  alpn: [],
};

/** Speaks HTTP with those who ask for one name; nothing here asks how. */
const http: Chain = {
  ...chainTo("http", { sni: ["http.test"] }),
  serve: { kind: "http", routes: "all", fallback: undefined, front: {} as HttpFront },
};

function listener(name: string, slot: number, terminates: boolean): PlacedListener {
  return {
    name,
    bind: { kind: "tcp", host: "127.0.0.1", port: 0 },
    socket: undefined,
    chains: [http, chainTo("echo", {}, { tls: terminates ? "terminate" : undefined })],
    detect: false,
    proxyProtocol: undefined,
    tls: terminates ? [tls] : [],
    maxConnections: undefined,
    limits: {
      allow: [],
      deny: [],
      maxConnectionsPerIp: undefined,
      connectionRatePerIp: undefined,
      maxHandshakes: 1,
    },
    timeouts: { handshake: 1 },
    slot,
    counters: countersOf("listener", slot),
    addresses: [{ kind: "tcp", host: "127.0.0.1", port: 9994 + slot }],
    accept: "shared-port",
    ticketKeys: undefined,
    addressTable: undefined,
  };
}

function pool(name: string, slot: number, firstBackend: number, backends: number): PlacedPool {
  return {
    name,
    picker: { type: "round-robin" },
    http: { ...poolHttp, version: "2" },
    proxyProtocol: undefined,
    slowStart: 0,
    connect: { timeout: 1, attempts: 1, retryBudget: { percent: 20, min: 3 } },
    maxConnectionsPerBackend: undefined,
    queue: { size: 1, timeout: 1 },
    warming: false,
    tls: name === "echo" ? poolTls : undefined,
    slot,
    counters: countersOf("pool", slot),
    backends: Array.from({ length: backends }, (_, index) => ({
      address: `127.0.0.1:${1994 + index}`,
      target: { kind: "tcp", host: "127.0.0.1", port: 1994 + index },
      weight: 1 + index,
      tier: 0,
      slot: firstBackend + index,
      counters: countersOf("backend", firstBackend + index),
    })),
  };
}

const limit: RateLimit = {
  kind: "rate-limit",
  name: "rate_limits.per-client",
  key: [],
  rate: undefined,
  burst: 1,
  concurrent: 1,
  keys: 1,
  fields: "never",
};

export interface TestInput extends MetricsInput {
  readonly web: PlacedListener;
  readonly plain: PlacedListener;
  readonly echo: PlacedPool;
}

/** Two workers, the listeners `web` (TLS) and {@link awkward} (plain), the pools `echo` (four backends) and `empty`. */
export function testInput(): TestInput {
  const web = listener("web", 0, true);
  const plain = listener(awkward, 1, false);
  const echo = pool("echo", 0, 0, 4);
  const snapshot: Snapshot = {
    version: 7,
    routeTables: [
      {
        name: "all",
        hosts: [],
        fallsThrough: true,
        guards: [
          { kind: "mtls", name: "auth.staff", allow: undefined, slot: 0, counters: countersOf("guard", 0) },
          placedGuard(limit, 1),
        ],
        routes: [{ name: "api", slot: 0, counters: countersOf("route", 0) }],
      },
    ],
    listeners: [web, plain],
    pools: [echo, pool("empty", 1, 4, 0)],
  };
  const shared = createSharedMemory();
  const counters = new WorkerCounters(2);
  const slots = slotsOf("listener", shared, counters);
  for (const { slot } of [web, plain]) assert.equal(slots.take(), slot);
  const discovery = new Map<string, DiscoveryReading>([
    ["echo", { errors: 0, lastError: undefined }],
    ["empty", { errors: 3, lastError: "api.internal: SERVFAIL from 127.0.0.1:53" }],
  ]);
  return {
    web,
    plain,
    echo,
    memories: counters.memories,
    shared,
    readiness: () => ({ state: "ready", reason: undefined }),
    snapshot: () => snapshot,
    generation: () => snapshot.version,
    discovery: () => discovery,
    health: {
      backend: (slot) =>
        slot === 0
          ? { changes: 3, checkFailures: 9, ejections: 1, standing: undefined }
          : {
              changes: 0,
              checkFailures: undefined,
              ejections: slot,
              standing:
                slot === 1 ? { cause: "connect ECONNREFUSED", age: 90_000, left: undefined } : undefined,
            },
      failsOpen: (name) => name === "empty",
    },
    drains: {
      backend: (name, address) =>
        name === "echo" && address === "127.0.0.1:1997"
          ? { by: "hand", cause: "drained by hand", age: 5_000, left: 1234.5678 }
          : undefined,
    },
    workers: { states: ["serving", "silent"], restarts: 2, hangs: 1 },
    droppedLogLines: () => 5,
    reloads: () => ({ applied: 1, failed: 4 }),
    lastReload: () => ({ at: expiry, successful: false }),
    certificateReloads: () => ({
      listeners: new Map([["web", { applied: 2, failed: 3 }]]),
      pools: new Map([["echo", { applied: 4, failed: 5 }]]),
      guards: new Map([["auth.staff", { applied: 6, failed: 7 }]]),
      pages: new Map([["/404.html", { applied: 8, failed: 9 }]]),
    }),
    sharing: () => ({
      states: new Map([["10.0.0.9:6379", true]]),
      unshared: new Map([["rate_limits.per-client", 7]]),
    }),
    acme: () => ({
      states: [
        {
          name: "www.test",
          listeners: ["web"],
          state: "failing",
          notAfter: undefined,
          next: expiry,
          failures: 2,
          error: "the order: rateLimited: slowly",
        },
      ],
      counts: { obtained: 3, failed: 2 },
    }),
    controlPlanes: () => [
      {
        place: "ads",
        server: "127.0.0.1:18000",
        connected: true,
        kinds: [
          {
            kind: "cluster",
            accepted: 4,
            rejected: 1,
            last: { at: expiry, version: "v7", nonce: "n9" },
            resources: 2,
            missing: 0,
            refused: [{ name: "api", reason: "lb_policy is not supported" }],
          },
          {
            kind: "secret",
            accepted: 0,
            rejected: 0,
            last: undefined,
            resources: 0,
            missing: 1,
            refused: [],
          },
        ],
      },
    ],
    fileLimit: () => 1024,
  };
}

/** The same with many pools of one backend each, `pool-0` and so on. */
export function manyPools(count: number): TestInput {
  const input = testInput();
  const counters = new WorkerCounters(1);
  counters.reserve("pool", count);
  counters.reserve("backend", count);
  const pools = Array.from({ length: count }, (_, index) => pool(`pool-${index}`, index, index, 1));
  const snapshot = { ...input.snapshot(), pools };
  return { ...input, memories: counters.memories, snapshot: () => snapshot };
}

/** `/status` as its readers get it. */
export const statusOf = async (input: MetricsInput): Promise<Status> =>
  JSON.parse(await wholeText(longJson(await readStatus(input), 2))) as Status;
