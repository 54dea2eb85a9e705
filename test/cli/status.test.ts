import assert from "node:assert/strict";
import { test } from "node:test";
import { backendCell, listenerCell } from "../../src/channel/counters.ts";
import { backendFlag } from "../../src/channel/memory.ts";
import { formatStatus } from "../../src/cli/status-text.ts";
import { statusOf, testInput } from "../control/tell/metrics-input.ts";

test("the status for people has all listeners, backends and troubles in columns", async () => {
  const input = testInput();
  const [memory] = input.memories;
  const [first, second, , last] = input.echo.backends;
  memory![input.web.counters + listenerCell.accepted] = 1234;
  memory![input.web.counters + listenerCell.ended] = 1231;
  memory![first!.counters + backendCell.leased] = 12;
  memory![first!.counters + backendCell.connected] = 1200;
  memory![second!.counters + backendCell.failures] = 7;
  memory![last!.counters + backendCell.leased] = 1;
  input.shared.backendFlags[second!.slot] = backendFlag.down;
  input.shared.backendFlags[last!.slot] = backendFlag.draining;
  const status = { ...(await statusOf(input)), version: "1.2.3", pid: 42, uptime_seconds: 7_205.4 };
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
  const text = formatStatus(
    {
      ...status,
      listeners: { web: status.listeners["web"]! },
      acme: status.acme.map((each) => ({ ...each, next: "2026-01-01T00:00:00Z" })),
      control_planes: status.control_planes.map(({ resources, ...each }) => ({
        ...each,
        resources: { ...resources, cluster: { ...resources["cluster"]!, last_update: anHourAgo } },
      })),
    },
    { wide: false },
  );
  assert.equal(
    text,
    `umay 1.2.3 is ready: process 42, up 2 h 5 s, generation 7, 2 workers, without a sign of life from 2, 0 of 0 connections

LISTENER  BIND            MODE  OPEN  TOTAL
web       127.0.0.1:9994  tcp      3   1234

POOL   BACKEND         STATE                   SINCE           WEIGHT  OPEN  TOTAL  FAILED  WHY
echo   127.0.0.1:1994  up                                           1    12   1200       0
echo   127.0.0.1:1995  down                    1 min 30 s ago       2     0      0       7  connect ECONNREFUSED
echo   127.0.0.1:1996  up                                           3     0      0       0
echo   127.0.0.1:1997  draining, reset in 1 s  5 s ago              4     1      0       0  drained by hand
empty  none

CERTIFICATE  LISTENER  STATE                ENDS      NEXT TRY  WHY
www.test     web       failing, 2 in a row  none yet  now       the order: rateLimited: slowly

CONTROL PLANE    STATE      TYPE     PRESENT  MISSING  ACCEPTED  REJECTED  LAST      REFUSED
127.0.0.1:18000  connected  cluster        2        0         4         1  1 h ago   api: lb_policy is not supported
127.0.0.1:18000  connected  secret         0        1         0         0  none yet

pool empty: discovery fails: api.internal: SERVFAIL from 127.0.0.1:53
`,
  );
});

test("a backend that discovery removed is told from one that was drained", async () => {
  const input = testInput();
  const drains = { backend: () => ({ by: "discovery" as const, cause: "gone", age: 1, left: undefined }) };
  for (const { slot } of input.echo.backends) input.shared.backendFlags[slot] = backendFlag.draining;
  const text = formatStatus(await statusOf({ ...input, drains }), { wide: false });
  assert.match(text, /127\.0\.0\.1:1994 {2}draining {2}.* gone$/m);
});

test("a pool whose health is ignored says so", async () => {
  const status = await statusOf(testInput());
  const ignored = /^pool echo: too few backends are up, so all of them are tried/m;
  assert.doesNotMatch(formatStatus(status, { wide: false }), ignored);
  const pools = { ...status.pools, echo: { ...status.pools["echo"]!, fails_open: true } };
  assert.match(formatStatus({ ...status, pools }, { wide: false }), ignored);
});

test("the tables of certificates and of control planes are there only where there are some", async () => {
  const status = await statusOf(testInput());
  assert.match(formatStatus(status, { wide: false }), /CERTIFICATE/);
  assert.doesNotMatch(formatStatus({ ...status, acme: [] }, { wide: false }), /CERTIFICATE/);
  assert.doesNotMatch(formatStatus({ ...status, control_planes: [] }, { wide: false }), /CONTROL PLANE/);
});
