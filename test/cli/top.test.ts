import assert from "node:assert/strict";
import { test } from "node:test";
import { renderTop, type TopFrame } from "../../src/cli/top-view.ts";
import type { ListenerStatus } from "../../src/control/tell/status/listeners.ts";
import type { BackendStatus } from "../../src/control/tell/status/pools.ts";
import type { Status } from "../../src/control/tell/status/status.ts";

const times = { p50: 0.001, p90: 0.005, p99: 0.0123 } as unknown as ListenerStatus["session_seconds"];

const listener: ListenerStatus = {
  bind: "0.0.0.0:443",
  mode: "http",
  connections: 3,
  connections_limit: null,
  connections_total: 100,
  received_bytes_total: 1_000,
  sent_bytes_total: 2_000,
  ended_total: {},
  rejected_total: {},
  handshake_failures_total: {},
  routes: [],
  certificates: [],
  handshake_seconds: null,
  session_seconds: times,
  requests: { total: 50, seconds: times },
};

const backend = (address: string, more: Partial<BackendStatus> = {}): BackendStatus => ({
  address,
  weight: 1,
  weight_percent: 100,
  tier: 0,
  state: "up",
  cause: null,
  since: null,
  until: null,
  drain: null,
  connections: 1,
  connections_limit: null,
  connections_total: 10,
  connect_failures_total: 0,
  sent_bytes_total: 0,
  received_bytes_total: 0,
  ...more,
});

const statusOf = (web: Partial<ListenerStatus>, backends: readonly BackendStatus[]): Status =>
  ({
    host: "lb-1",
    version: "1.2.3",
    pid: 7,
    uptime_seconds: 61,
    state: "ready",
    reason: null,
    connections: 3,
    connections_limit: 500,
    generation: 1,
    workers: [],
    listeners: { web: { ...listener, ...web } },
    routes: { api: { requests: 2, requests_total: 40, seconds: times } },
    pools: { app: { backends } },
  }) as unknown as Status;

const frame = (more: Partial<TopFrame> = {}): TopFrame => ({
  status: statusOf({}, [backend("10.0.0.1:80")]),
  before: undefined,
  seconds: 0,
  columns: 200,
  rows: 50,
  color: false,
  ...more,
});

test("the first look has totals, the second one rates", () => {
  const [head, , titles, web] = renderTop(frame());
  assert.equal(head, "umay 1.2.3 on lb-1 is ready: up 1 min 1 s, 3 of 500 connections");
  assert.equal(titles, "LISTENER  BIND         OPEN      P99");
  assert.equal(web, "web       0.0.0.0:443     3  12.3 ms");
  const status = statusOf(
    { connections_total: 120, received_bytes_total: 21_480, requests: { total: 51, seconds: times } },
    [backend("10.0.0.1:80", { connections_total: 50, sent_bytes_total: 4_096 })],
  );
  const before = statusOf({}, [backend("10.0.0.1:80")]);
  const lines = renderTop(frame({ status, before, seconds: 2 }));
  assert.match(lines[0]!, /, 10 KiB in and 0 out a second$/);
  assert.match(lines[2]!, /^LISTENER +BIND +OPEN +NEW\/S +REQ\/S +IN\/S +P99$/);
  assert.match(lines[3]!, /^web +0\.0\.0\.0:443 +3 +10 +0\.5 +10 KiB +12\.3 ms$/);
  assert.match(lines.at(-1)!, /^app +10\.0\.0\.1:80 +up +1 +20 +2\.0 KiB$/);
});

test("what is in trouble comes first, then who has most to do", () => {
  const before = statusOf({}, [backend("a:1"), backend("b:1"), backend("c:1")]);
  const down = {
    state: "down",
    cause: "connection refused",
    since: new Date(Date.now() - 5_000).toISOString(),
  } as const;
  const status = statusOf({}, [
    backend("a:1", { connections_total: 11 }),
    backend("b:1", { connections_total: 30 }),
    backend("c:1", down),
  ]);
  const lines = renderTop(frame({ status, before, seconds: 1 }));
  const order = lines.flatMap((line) => /^app +(\S+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(order, ["c:1", "b:1", "a:1"]);
  assert.match(lines.join("\n"), /c:1 +down +5 s .* connection refused/);
});

test("it fits into any terminal, and says what is left out", () => {
  const many = Array.from({ length: 100 }, (_, index) => backend(`10.0.0.${index}:80`));
  for (const [columns, rows] of [
    [80, 24],
    [20, 5],
    [1, 1],
  ] as const) {
    const lines = renderTop(frame({ status: statusOf({}, many), columns, rows }));
    assert.ok(lines.length <= rows);
    assert.ok(lines.every((line) => line.length <= columns));
  }
  const lines = renderTop(frame({ status: statusOf({}, many), rows: 24 }));
  assert.equal(lines.at(-1), "… 86 more lines");
});

test("what comes from elsewhere cannot command a terminal", () => {
  const evil = backend("a:1", { state: "down", cause: "\u001b[2Jgone\u009b" });
  const text = renderTop(frame({ status: statusOf({}, [evil]) })).join("\n");
  assert.ok(text.includes("?[2Jgone?"));
  const inColor = renderTop(frame({ status: statusOf({}, [evil]), color: true })).join("\n");
  assert.ok(inColor.includes("\u001b[31m"));
});
