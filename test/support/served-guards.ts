import type { CounterMemory } from "../../src/channel/counters.ts";
import { createSharedMemory } from "../../src/channel/memory.ts";
import { ServedGuards } from "../../src/data/guard/guards.ts";
import { createWorkerLogger } from "../../src/observe/worker-logger.ts";

/** Guards of a worker that asks nobody. */
export function servedGuards(counters: CounterMemory, shared = createSharedMemory()): ServedGuards {
  const { logger } = createWorkerLogger({ level: "silent" }, () => {});
  const forward = (): never => {
    throw new Error("nobody is asked");
  };
  return new ServedGuards({ counters }, { shared, logger, forward, worker: 1, passed: () => {} });
}
