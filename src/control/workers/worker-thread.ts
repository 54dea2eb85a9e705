import { setFlagsFromString } from "node:v8";
import type { Worker } from "node:worker_threads";
import type { WorkerSetup } from "../../channel/messages.ts";
import { startThread } from "../../lib/own-modules.ts";

/*
 * A worker relays through buffers outside of V8's heap, 16 KiB for each record of TLS. V8 frees a buffer when it
 * collects the small object that stands for it, so the size of the young generation says how many MiB of used buffers
 * wait: tens of them where nobody asks for less. They fill the processor's caches, and at 64 MiB V8 collects all of its
 * heap. docs/performance.md has the figures.
 */

/** V8 counts three times a half of the young generation, which is 1 MiB here. */
const resourceLimits = { maxYoungGenerationSizeMb: 3 };
/** Makes the old generation of a thread that starts grow to 64 MiB before V8 collects it for its size alone. */
const oldGeneration = "--initial-old-space-size=64";

/** Starts the thread of a worker. */
export function startWorkerThread(setup: WorkerSetup): Worker {
  setFlagsFromString(oldGeneration);
  return startThread("data/worker", { workerData: setup, name: `worker ${setup.id}`, resourceLimits });
}
