import { setFlagsFromString } from "node:v8";
import type { Worker } from "node:worker_threads";
import type { WorkerSetup } from "../../channel/messages.ts";
import { startThread } from "../../lib/own-modules.ts";

/*
 * The smaller the young generation is, the more often it is collected, with all requests that are under way still in it:
 * at 1 MiB that takes a seventh of the time of HTTP/2. The larger it is, the more memory waits for its collection, and
 * leaves the processor's caches meanwhile. docs/performance.md has the figures.
 */

/** V8 counts three times a half of the young generation, which is 4 MiB here. */
const resourceLimits = { maxYoungGenerationSizeMb: 12 };
/** Makes the old generation of a thread that starts grow to 64 MiB before V8 collects it for its size alone. */
const oldGeneration = "--initial-old-space-size=64";

/** Starts the thread of a worker. */
export function startWorkerThread(setup: WorkerSetup): Worker {
  setFlagsFromString(oldGeneration);
  return startThread("data/worker", { workerData: setup, name: `worker ${setup.id}`, resourceLimits });
}
