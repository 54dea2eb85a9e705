import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { createAddressTable, openAddressTable } from "../../../src/channel/address-table.ts";
import type { Outcome, Task } from "./client-table-child.ts";

const workers = 3;

/** Has several threads use one table at the same time. */
async function race(
  limits: Task["limits"],
  clients: number,
  rounds: number,
): Promise<{ outcomes: readonly Outcome[]; left: number }> {
  const memory = createAddressTable(1, workers, 99);
  const waiting = new Int32Array(new SharedArrayBuffer(4)).fill(workers);
  const inside = new Int32Array(new SharedArrayBuffer(clients * 4));
  const outcomes = await Promise.all(
    Array.from({ length: workers }, async (_, index) => {
      const workerData: Task = { memory, worker: index + 1, limits, clients, rounds, waiting, inside };
      const thread = new Worker(new URL("./client-table-child.ts", import.meta.url), { workerData });
      const [[outcome]] = await Promise.all([once(thread, "message"), once(thread, "exit")]);
      return outcome as Outcome;
    }),
  );
  const { open, locks } = openAddressTable(memory);
  assert.ok(locks.every((lock) => lock === 0));
  return { outcomes, left: open.reduce((sum, count) => sum + count, 0) };
}

test("threads that connect the same clients at the same time never exceed a client's limit, and leave nothing behind", async () => {
  const clients = 8;
  const limits = { maxConnectionsPerIp: 4, connectionRatePerIp: undefined };
  const { outcomes, left } = await race(limits, clients, 100_000);
  for (let client = 0; client < clients; client++)
    assert.ok(outcomes.reduce((sum, { admitted }) => sum + admitted[client]!, 0) > 100);
  assert.ok(outcomes.every(({ refused }) => refused > 0));
  assert.equal(Math.max(...outcomes.map(({ most }) => most)), 4);
  assert.equal(left, 0);
});

test("threads that connect the same clients at the same time never exceed a client's rate", async () => {
  const rate = { connections: 200, period: 1000, burst: 10 };
  const clients = 4;
  const { outcomes, left } = await race(
    { maxConnectionsPerIp: undefined, connectionRatePerIp: rate },
    clients,
    300_000,
  );
  const time = Math.max(...outcomes.map(({ to }) => to)) - Math.min(...outcomes.map(({ from }) => from));
  for (let client = 0; client < clients; client++) {
    const count = outcomes.reduce((sum, { admitted }) => sum + admitted[client]!, 0);
    assert.ok(count <= (time + 0.002) / 5 + rate.burst, `${count} in ${time} ms`);
    assert.ok(count >= rate.burst, `only ${count} in ${time} ms`);
  }
  assert.equal(left, 0);
});
