import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { backendCell, listenerCell, poolCell } from "../../../../src/channel/counters.ts";
import { histogramCells, recordValue } from "../../../../src/channel/histogram.ts";
import { backendFlag } from "../../../../src/channel/memory.ts";
import { percentiles } from "../../../../src/control/tell/histograms.ts";
import { version } from "../../../../src/lib/version.ts";
import { awkward, expiry, statusOf, testInput } from "../metrics-input.ts";

const none = { count: 0, p50: null, p90: null, p99: null, "p99.9": null };

test("the status tells all that goes on", async () => {
  const input = testInput();
  const [memory] = input.memories;
  const backend = input.echo.backends[1]!;
  memory![input.web.counters + listenerCell.accepted] = 10;
  memory![input.web.counters + listenerCell.ended] = 7;
  memory![backend.counters + backendCell.leased] = 8;
  memory![backend.counters + backendCell.released] = 6;
  memory![backend.counters + backendCell.connected] = 6;
  memory![backend.counters + backendCell.failures] = 1;
  memory![backend.counters + backendCell.failures + 1] = 1;
  for (const [cell, value] of [
    ["retried", 3],
    ["queued", 7],
    ["dequeued", 5],
  ] as const)
    memory![input.echo.counters + poolCell[cell]] = value;
  input.shared.backendFlags[backend.slot] = backendFlag.down;
  input.shared.backendWithheld[backend.slot] = 63;
  input.shared.backendFlags[input.echo.backends[3]!.slot] = backendFlag.draining;
  const drain = { by: "hand", deadline_seconds: 1.235 };
  const { uptime_seconds, pid, ...status } = await statusOf(input);
  // It is rounded to milliseconds.
  assert.ok(uptime_seconds > 0 && uptime_seconds <= process.uptime() + 0.001);
  assert.equal(pid, process.pid);
  const [, refusing, , drained] = status.pools["echo"]!.backends;
  const ago = (time: string | null): number => (Date.now() - Date.parse(time!)) / 1000;
  assert.ok(ago(refusing!.since) >= 90 && ago(refusing!.since) < 100);
  assert.ok(ago(drained!.since) >= 5 && ago(drained!.until) >= -1.235);
  const idle = {
    weight: 1,
    weight_percent: 100,
    tier: 0,
    state: "up",
    cause: null,
    since: null,
    until: null,
    drain: null,
    connections: 0,
    connections_limit: null,
    connections_total: 0,
    connect_failures_total: 0,
    sent_bytes_total: 0,
    received_bytes_total: 0,
  };
  const quiet = {
    received_bytes_total: 0,
    sent_bytes_total: 0,
    ended_total: {},
    rejected_total: {},
    handshake_failures_total: {},
    routes: [
      { match: "sni http.test", pools: [], fallback: null },
      { match: "any", pools: ["echo"] },
    ],
  };
  assert.deepEqual(status, {
    host: hostname(),
    version,
    state: "ready",
    reason: null,
    connections: 0,
    connections_limit: 0,
    generation: 7,
    workers: [
      { id: 1, state: "serving", connections: 3 },
      { id: 2, state: "silent", connections: 0 },
    ],
    control_planes: [
      {
        place: "ads",
        server: "127.0.0.1:18000",
        connected: true,
        resources: {
          cluster: {
            present: 2,
            missing: 0,
            accepted_total: 4,
            rejected_total: 1,
            version: "v7",
            nonce: "n9",
            last_update: "2027-01-01T00:00:00.000Z",
            refused: { api: "lb_policy is not supported" },
          },
          secret: {
            present: 0,
            missing: 1,
            accepted_total: 0,
            rejected_total: 0,
            version: null,
            nonce: null,
            last_update: null,
            refused: {},
          },
        },
      },
    ],
    acme: [
      {
        name: "www.test",
        listeners: ["web"],
        state: "failing",
        not_after: null,
        next: "2027-01-01T00:00:00.000Z",
        failures: 2,
        error: "the order: rateLimited: slowly",
      },
    ],
    listeners: {
      web: {
        bind: "127.0.0.1:9994",
        mode: "tcp",
        connections: 3,
        connections_limit: null,
        connections_total: 10,
        ...quiet,
        certificates: [expiry + 1000, expiry, expiry + 500].map((end, index) => ({
          subject: index === 2 ? awkward : "CN=example.com",
          not_after: new Date(end).toISOString(),
        })),
        handshake_seconds: none,
        session_seconds: none,
        requests: { total: 0, seconds: none },
      },
      [awkward]: {
        bind: "127.0.0.1:9995",
        mode: "tcp",
        connections: 0,
        connections_limit: null,
        connections_total: 0,
        ...quiet,
        certificates: [],
        handshake_seconds: null,
        session_seconds: none,
        requests: { total: 0, seconds: none },
      },
    },
    routes: { api: { requests: 0, requests_total: 0, seconds: none } },
    pools: {
      echo: {
        certificates: [{ subject: "CN=umay", not_after: new Date(expiry + 2000).toISOString() }],
        fails_open: false,
        picker: "round-robin",
        discovery: { state: "ok", errors_total: 0, error: null },
        connect_seconds: none,
        retries_total: 3,
        queue: { sessions: 2, queued_total: 7, seconds: none },
        backends: [
          { ...idle, address: "127.0.0.1:1994" },
          {
            address: "127.0.0.1:1995",
            weight: 2,
            weight_percent: 37,
            tier: 0,
            state: "down",
            cause: "connect ECONNREFUSED",
            since: refusing!.since,
            until: null,
            drain: null,
            connections: 2,
            connections_limit: null,
            connections_total: 6,
            connect_failures_total: 2,
            sent_bytes_total: 0,
            received_bytes_total: 0,
          },
          { ...idle, address: "127.0.0.1:1996", weight: 3 },
          {
            ...idle,
            address: "127.0.0.1:1997",
            weight: 4,
            state: "draining",
            cause: "drained by hand",
            since: drained!.since,
            until: drained!.until,
            drain,
          },
        ],
      },
      empty: {
        certificates: [],
        fails_open: true,
        picker: "round-robin",
        discovery: { state: "failing", errors_total: 3, error: "api.internal: SERVFAIL from 127.0.0.1:53" },
        connect_seconds: none,
        retries_total: 0,
        queue: { sessions: 0, queued_total: 0, seconds: none },
        backends: [],
      },
    },
  });
});

test("percentiles of a listener and of a pool come from their own histograms", async () => {
  const input = testInput();
  recordValue(input.memories[0]!, input.web.counters + listenerCell.handshakeDuration, 100);
  recordValue(input.memories[1]!, input.web.counters + listenerCell.sessionDuration, 101);
  recordValue(input.memories[0]!, input.echo.counters + poolCell.connectDuration, 102);
  const { listeners, pools } = await statusOf(input);
  assert.equal(listeners["web"]!.handshake_seconds!.p50, 0.0001);
  assert.equal(listeners["web"]!.session_seconds["p99.9"], 0.000101);
  assert.equal(pools["echo"]!.connect_seconds.p90, 0.000102);
  assert.equal(pools["echo"]!.connect_seconds.count, 1);
});

test("a percentile is less than 2 % from the exact one, and exact below 128 microseconds", async () => {
  const microseconds = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 2 ** 31 }));
  const read = await percentiles();
  fc.assert(
    fc.property(fc.array(microseconds, { minLength: 1, maxLength: 400 }), (values) => {
      const memories = [new Float64Array(histogramCells), new Float64Array(histogramCells)];
      for (const [index, value] of values.entries()) recordValue(memories[index % 2]!, 0, value);
      const found = read(memories, 0);
      const sorted = values.toSorted((a, b) => a - b);
      assert.equal(found.count, values.length);
      for (const [key, share] of [
        ["p50", 0.5],
        ["p90", 0.9],
        ["p99", 0.99],
        ["p99.9", 0.999],
      ] as const) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
        const error = Math.abs(found[key]! * 1e6 - exact);
        assert.ok(error <= (exact < 128 ? 1e-6 : exact * 0.02), `${key}: ${found[key]} for ${exact} µs`);
      }
    }),
  );
});

test("how it stands with discovery is asked once for all pools: of many pools, each would cost as much as all", async () => {
  const input = testInput();
  let asked = 0;
  await statusOf({
    ...input,
    discovery: () => {
      asked++;
      return input.discovery();
    },
  });
  assert.equal(asked, 1);
});
