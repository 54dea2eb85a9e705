import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../src/data/accept/client-table.ts";
import { hashKey } from "../../src/data/guard/limit/key.ts";
import { type LimitKey, LimitTable } from "../../src/data/guard/limit/table.ts";
import type { RateLimit } from "../../src/model/http/guard.ts";

/** Requests of one key, as one worker of several has them. */
export interface Taking {
  readonly memory: SharedArrayBuffer;
  readonly limit: Pick<RateLimit, "rate" | "burst" | "concurrent">;
  /** 1 to count of workers. */
  readonly worker: number;
  /** Requests at a time, and how often, every 10 ms. */
  readonly each: number;
  readonly rounds: number;
  /** A cell that they wait for. */
  readonly begin: Int32Array;
}

/** The takes that passed in a worker, and when it asked last, by the clock that threads share, in milliseconds. */
export interface TakenInWorker {
  readonly passed: number;
  readonly last: number;
}

/** The one key. */
export const everybody: LimitKey = hashKey("everybody", 1);

if (!isMainThread) {
  const { memory, limit, worker, each, rounds, begin } = workerData as Taking;
  let now = 0;
  const table = new LimitTable(memory, worker, limit, () => {
    now = systemClock();
    return now;
  });
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let passed = 0;
  parentPort!.postMessage("ready");
  Atomics.wait(begin, 0, 0);
  for (let round = 0; round < rounds; round++) {
    for (let count = 0; count < each; count++) {
      if (table.take(everybody).kind === "ok") passed++;
    }
    Atomics.wait(pause, 0, 0, 10);
  }
  // Pauses of a busy machine leave something in the bucket.
  while (table.take(everybody).kind === "ok") passed++;
  parentPort!.postMessage({ passed, last: now } satisfies TakenInWorker);
}
