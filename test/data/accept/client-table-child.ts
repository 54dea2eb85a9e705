import { parentPort, workerData } from "node:worker_threads";
import { ClientTable } from "../../../src/data/accept/client-table.ts";
import type { ListenerLimits } from "../../../src/model/listener.ts";

/** One worker of several that use a table at the same time. */
export interface Task {
  readonly memory: SharedArrayBuffer;
  readonly worker: number;
  readonly limits: Pick<ListenerLimits, "maxConnectionsPerIp" | "connectionRatePerIp">;
  readonly clients: number;
  /** How many connections to try to open. */
  readonly rounds: number;
  /** How many workers there are; counted down to 0 by those that are ready to begin. */
  readonly waiting: Int32Array<SharedArrayBuffer>;
  /** By client: how many connections all workers together believe to have open. */
  readonly inside: Int32Array<SharedArrayBuffer>;
}

export interface Outcome {
  /** By client. */
  readonly admitted: readonly number[];
  readonly refused: number;
  /** The most connections of one client at a time that this worker saw. */
  readonly most: number;
  /** When the first attempt and the last one were made, in milliseconds of the monotonic clock. */
  readonly from: number;
  readonly to: number;
}

const { memory, worker, limits, clients, rounds, waiting, inside } = workerData as Task;
const table = new ClientTable(memory, worker, limits);
const admitted = new Array<number>(clients).fill(0);
const held: { client: number; place: number }[] = [];
let refused = 0;
let most = 0;

function leave(): void {
  const lease = held.shift();
  if (lease === undefined) return;
  Atomics.sub(inside, lease.client, 1);
  table.leave(lease.place);
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6;
for (let left = Atomics.sub(waiting, 0, 1) - 1; left > 0; left = Atomics.load(waiting, 0))
  Atomics.wait(waiting, 0, left);
Atomics.notify(waiting, 0);
const from = now();
for (let round = 0; round < rounds; round++) {
  const client = (round * 7 + worker) % clients;
  const place = table.enter(`10.0.${client >> 8}.${client & 255}`);
  if (typeof place === "string") {
    refused++;
    leave();
    continue;
  }
  admitted[client]! += 1;
  most = Math.max(most, Atomics.add(inside, client, 1) + 1);
  held.push({ client, place });
  if (held.length > 40) leave();
}
const to = now();
while (held.length > 0) leave();
parentPort!.postMessage({ admitted, refused, most, from, to } satisfies Outcome);
