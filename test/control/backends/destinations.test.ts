import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Destinations } from "../../../src/control/backends/destinations.ts";
import type { Backend } from "../../../src/model/backend.ts";
import { FakeTimers } from "../../support/fake-timers.ts";

function scene() {
  const timers = new FakeTimers();
  const log: Record<string, unknown>[] = [];
  const placed: string[][] = [];
  const pools = new Map([
    ["any", { config: { destination: { idle: 5_000 } } }],
    ["fixed", { config: {} }],
  ]);
  const at = (port: number) => ({ kind: "tcp", host: "0.0.0.0", port }) as const;
  const plane = {
    model: { admin: { bind: at(9901) } },
    store: { pool: (name: string) => pools.get(name), present: [{ addresses: [at(8443)] }] },
    place: (_: string, backends: readonly Backend[]): unknown =>
      placed.push(backends.map(({ address }) => address)),
    spread: () => {},
  };
  const logger = pino({ base: null }, { write: (line: string) => log.push(JSON.parse(line)) });
  const destinations = new Destinations(plane as never, logger as never, timers);
  const want = (address: string, pool = "any"): void => destinations.wanted({ pool, address });
  return { timers, log, placed, pools, want };
}

test("a backend comes when it is asked for, once, stays while it is asked for, and leaves then", async () => {
  const { timers, placed, want } = scene();
  want("127.0.0.1:1");
  want("127.0.0.1:1");
  want("[::1]:2");
  assert.deepEqual(placed, [["127.0.0.1:1"], ["127.0.0.1:1", "[::1]:2"]]);
  await timers.advance(4_000);
  want("[::1]:2");
  await timers.advance(3_000);
  assert.deepEqual(placed.at(-1), ["[::1]:2"]);
  await timers.advance(10_000);
  assert.deepEqual(placed.slice(3), [[]]);
});

test("a pool that finds its backends takes none, none is umay itself, and no pool takes more than there is room for", () => {
  const { log, placed, want } = scene();
  want("127.0.0.1:1", "fixed");
  assert.equal(placed.length, 0);
  // umay itself.
  for (const own of ["127.0.0.1:8443", "127.8.9.10:9901"]) want(own);
  assert.equal(placed.length, 0);
  for (let port = 1; port <= 1_030; port++) want(`127.0.0.1:${port}`);
  assert.equal(placed.at(-1)!.length, 1_024);
  assert.equal(log.filter(({ msg }) => String(msg).startsWith("clients ask for more")).length, 1);
});

test("a pool that has become another one is left alone", async () => {
  const { timers, placed, pools, want } = scene();
  want("127.0.0.1:1");
  pools.set("any", { config: {} });
  await timers.advance(10_000);
  assert.equal(placed.length, 1);
});
