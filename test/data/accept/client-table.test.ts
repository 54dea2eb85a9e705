import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createAddressTable, openAddressTable, placesPerSet } from "../../../src/channel/address-table.ts";
import { ClientTable } from "../../../src/data/accept/client-table.ts";
import type { ConnectionRate } from "../../../src/model/listener.ts";

interface Stage {
  readonly memory: SharedArrayBuffer;
  readonly workers: readonly ClientTable[];
  /** The time on all workers' clock, in milliseconds. */
  now: number;
}

/** Several workers on one table, in one thread. */
function stage(maxConnectionsPerIp: number | undefined, connectionRatePerIp?: ConnectionRate): Stage {
  const memory = createAddressTable(1, 3, 1234);
  const limits = { maxConnectionsPerIp, connectionRatePerIp };
  const stage: Stage = {
    memory,
    now: 1_000_000,
    workers: [1, 2, 3].map((worker) => new ClientTable(memory, worker, limits, () => stage.now)),
  };
  return stage;
}

const ipv4 = (number: number): string =>
  [10 + (number >>> 24), (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join(".");

function sumOpen({ memory }: Stage): number {
  const { open, ownOpen } = openAddressTable(memory);
  const total = open.reduce((sum, count) => sum + count, 0);
  const own = ownOpen.reduce((sum, counts) => sum + counts.reduce((all, count) => all + count, 0), 0);
  assert.equal(own, total);
  return total;
}

test("whatever is opened and closed where, each address has what it has open, and no more than the limit", () => {
  const steps = fc.array(fc.tuple(fc.nat(2), fc.nat(5), fc.nat(9)), { maxLength: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), steps, (most, script) => {
      const { workers, ...rest } = stage(most);
      const open = new Map<string, { worker: number; place: number }[]>();
      for (const [worker, client, choice] of script) {
        const address = ipv4(client);
        const held = open.get(address) ?? [];
        open.set(address, held);
        if (choice < 6) {
          const place = workers[worker]!.enter(address);
          if (held.length === most) assert.equal(place, "max_connections_per_ip");
          else if (typeof place === "number") held.push({ worker, place });
          else assert.fail(place);
        } else {
          const [lease] = held.splice(choice % (held.length || 1), 1);
          if (lease !== undefined) workers[lease.worker]!.leave(lease.place);
        }
      }
      const all = [...open.values()].flat();
      assert.equal(sumOpen({ workers, ...rest }), all.length);
      for (const { worker, place } of all) workers[worker]!.leave(place);
      assert.equal(sumOpen({ workers, ...rest }), 0);
    }),
    { numRuns: 30 },
  );
});

test("over all workers no address gets more than its rate and burst in any window", () => {
  const rate = { connections: 100, period: 1000, burst: 5 };
  const step = fc.tuple(fc.nat(2), fc.nat(3), fc.integer({ min: 0, max: 12 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (script) => {
      const it = stage(undefined, rate);
      const admitted = new Map<string, number[]>();
      for (const [worker, client, pause] of script) {
        it.now += pause;
        const address = ipv4(client);
        const place = it.workers[worker]!.enter(address);
        if (typeof place === "string") {
          assert.equal(place, "connection_rate_per_ip");
          continue;
        }
        it.workers[worker]!.leave(place);
        admitted.set(address, [...(admitted.get(address) ?? []), it.now]);
      }
      for (const times of admitted.values())
        for (let from = 0; from < times.length; from++)
          for (let to = from; to < times.length; to++)
            assert.ok(to - from + 1 <= (times[to]! - times[from]! + 0.002) / 10 + rate.burst);
    }),
    { numRuns: 30 },
  );
});

test("IPv6 clients count by their /64", () => {
  const [worker] = stage(1).workers;
  assert.equal(typeof worker!.enter("2001:db8:1:2::1"), "number");
  assert.equal(worker!.enter("2001:db8:1:2:abcd::2"), "max_connections_per_ip");
  assert.equal(typeof worker!.enter("2001:db8:1:3::1"), "number");
});

test("a refused connection takes neither a token nor a place in the count", () => {
  const it = stage(1, { connections: 1, period: 1000, burst: 2 });
  const [first, second] = it.workers;
  const place = first!.enter("10.0.0.1") as number;
  for (let count = 0; count < 10; count++) assert.equal(second!.enter("10.0.0.1"), "max_connections_per_ip");
  first!.leave(place);
  const again = second!.enter("10.0.0.1") as number;
  second!.leave(again);
  for (let count = 0; count < 10; count++) assert.equal(second!.enter("10.0.0.1"), "connection_rate_per_ip");
  assert.equal(sumOpen(it), 0);
  it.now += 1000;
  assert.equal(typeof first!.enter("10.0.0.1"), "number");
});

test("asking why a connection would be refused changes nothing", () => {
  const it = stage(1, { connections: 1, period: 1000, burst: 1 });
  const [first, second] = it.workers;
  for (let count = 0; count < 10; count++) assert.equal(second!.refusal("10.0.0.1"), undefined);
  assert.equal(sumOpen(it), 0);
  const place = first!.enter("10.0.0.1") as number;
  assert.equal(second!.refusal("10.0.0.1"), "max_connections_per_ip");
  first!.leave(place);
  assert.equal(second!.refusal("10.0.0.1"), "connection_rate_per_ip");
  it.now += 1000;
  for (let count = 0; count < 10; count++) assert.equal(second!.refusal("10.0.0.1"), undefined);
  assert.equal(typeof second!.enter("10.0.0.1"), "number");
});

test("hundreds of thousands of addresses pass through a table that stays as large as it is, and no open connection is forgotten", () => {
  const it = stage(1, { connections: 1000, period: 1000, burst: 1 });
  const bytes = it.memory.byteLength;
  const held = Array.from({ length: 1000 }, (_, client) =>
    it.workers[client % 3]!.enter(`172.16.${client >> 8}.${client & 255}`),
  );
  for (let client = 0; client < 300_000; client++) {
    it.now += 0.1;
    const worker = it.workers[client % 3]!;
    const place = worker.enter(ipv4(client));
    assert.equal(typeof place, "number");
    worker.leave(place as number);
  }
  assert.equal(it.memory.byteLength, bytes);
  assert.equal(sumOpen(it), 1000);
  for (let client = 0; client < 1000; client++)
    assert.equal(it.workers[2]!.enter(`172.16.${client >> 8}.${client & 255}`), "max_connections_per_ip");
  for (const [client, place] of held.entries()) it.workers[client % 3]!.leave(place as number);
  assert.equal(sumOpen(it), 0);
});

test("half a table of addresses that wait for tokens all keep their state", () => {
  const it = stage(undefined, { connections: 1, period: 3_600_000, burst: 1 });
  const { sets } = openAddressTable(it.memory);
  const clients = (sets * placesPerSet) / 2;
  for (let client = 0; client < clients; client++) {
    const worker = it.workers[client % 3]!;
    worker.leave(worker.enter(ipv4(client)) as number);
  }
  for (let client = 0; client < clients; client++)
    assert.equal(it.workers[(client + 1) % 3]!.enter(ipv4(client)), "connection_rate_per_ip");
});

test("where all addresses of a set have connections open, another one is refused", () => {
  const it = stage(5);
  const { sets } = openAddressTable(it.memory);
  let refused = 0;
  for (let client = 0; client < 2 * sets * placesPerSet; client++)
    if (it.workers[0]!.enter(ipv4(client)) === "max_connections_per_ip") refused++;
  assert.ok(refused >= sets * placesPerSet);
  assert.equal(sumOpen(it), 2 * sets * placesPerSet - refused);
});
