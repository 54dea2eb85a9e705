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
  const pool = (destination?: object) => ({ config: { destination }, placed: { backends: [] as object[] } });
  const pools = new Map([
    ["any", pool({ idle: 5_000 })],
    ["fixed", pool()],
  ]);
  const at = (port: number) => ({ kind: "tcp", host: "0.0.0.0", port }) as const;
  const present = [{ addresses: [at(8443)] }];
  const plane = {
    model: { admin: { bind: at(9901) } },
    store: { pool: (name: string) => pools.get(name), present },
    backends: {
      place: (name: string, backends: readonly Backend[]): void => {
        placed.push(backends.map(({ address }) => address));
        pools.get(name)!.placed = { backends: [...backends] };
      },
    },
    spread: () => {},
  };
  const logger = pino({ base: null }, { write: (line: string) => log.push(JSON.parse(line)) });
  const destinations = new Destinations(plane as never, logger as never, timers);
  const wantAs = async (client: string, ...addresses: string[]): Promise<void> => {
    for (const address of addresses) destinations.wanted({ pool: "any", address, client });
    await timers.advance(0);
  };
  const want = (...addresses: string[]): Promise<void> => wantAs("192.0.2.1", ...addresses);
  return { timers, log, placed, pools, pool, present, at, destinations, want, wantAs };
}

test("a backend comes when it is asked for, once, stays while it is asked for, and leaves then", async () => {
  const { timers, placed, want } = scene();
  await want("127.0.0.1:1", "127.0.0.1:1");
  await want("[::1]:2");
  assert.deepEqual(placed, [["127.0.0.1:1"], ["127.0.0.1:1", "[::1]:2"]]);
  await timers.advance(4_000);
  await want("[::1]:2");
  await timers.advance(3_000);
  assert.deepEqual(placed.at(-1), ["[::1]:2"]);
  await timers.advance(10_000);
  assert.deepEqual(placed.slice(3), [[]]);
});

test("a pool that finds its backends takes none, none is umay itself, and no pool takes more than there is room for", async () => {
  const { timers, log, placed, destinations, want, wantAs } = scene();
  destinations.wanted({ pool: "fixed", address: "127.0.0.1:1", client: "192.0.2.1" });
  // umay itself.
  await want("127.0.0.1:8443", "127.8.9.10:9901");
  assert.deepEqual([placed.length, timers.waiting], [0, 0]);
  const many = (from: string): string[] =>
    Array.from({ length: 1_030 }, (_, index) => `${from}:${index + 1}`);
  // Each client gets as many as are left then, all at once.
  for (const client of Array.from({ length: 20 }, (_, index) => index))
    await wantAs(`192.0.2.${client}`, ...many(`10.0.0.${client}`));
  assert.deepEqual(
    placed.slice(0, 11).map(({ length }) => length),
    [512, 768, 896, 960, 992, 1_008, 1_016, 1_020, 1_022, 1_023, 1_024],
  );
  assert.equal(placed.length, 11);
  const told = log.filter(({ msg }) => String(msg).startsWith("a client asks for more"));
  assert.deepEqual(
    told.map(({ client }) => client),
    ["192.0.2.0"],
  );
});

test("what leaves is given back to its client's share, and a customer has one share, however many addresses it has", async () => {
  const { timers, placed, wantAs } = scene();
  const some = (from: number, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `10.0.0.1:${from + index}`);
  await wantAs("2001:db8::1", ...some(1, 600));
  assert.equal(placed.at(-1)!.length, 512);
  await wantAs("2001:db8::2", "10.0.0.2:1");
  assert.equal(placed.at(-1)!.length, 512);
  await wantAs("2001:db8:0:1::1", "10.0.0.2:1");
  assert.equal(placed.at(-1)!.length, 513);
  await timers.advance(10_000);
  assert.deepEqual(placed.at(-1), []);
  await wantAs("2001:db8::2", ...some(1, 600));
  assert.equal(placed.at(-1)!.length, 512);
});

test("a backend leaves, however it is asked for, once a listener of umay's has its address", async () => {
  const { placed, present, at, want } = scene();
  await want("127.0.0.1:1", "127.0.0.1:2");
  present.push({ addresses: [at(2)] });
  await want("127.0.0.1:2");
  assert.deepEqual(placed.at(-1), ["127.0.0.1:1"]);
});

test("backends come back that a change of their pool has taken away", async () => {
  const { placed, pools, pool, want } = scene();
  await want("127.0.0.1:1", "127.0.0.1:2");
  pools.set("any", pool({ idle: 5_000 }));
  placed.length = 0;
  await want("127.0.0.1:1");
  assert.deepEqual(placed, [["127.0.0.1:1", "127.0.0.1:2"]]);
});

test("a pool that has become another one is left alone", async () => {
  const { timers, placed, pools, pool, want } = scene();
  await want("127.0.0.1:1");
  pools.set("any", pool());
  await timers.advance(10_000);
  assert.deepEqual([placed.length, timers.waiting], [1, 0]);
});
