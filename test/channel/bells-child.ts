import { parentPort, workerData } from "node:worker_threads";
import { addUpTo } from "../../src/channel/bells.ts";

/**
 * [0]: what is limited; [1]: how many are inside, as they count themselves; [2]: threads that are not there yet; [3]:
 * whether as many as may be were inside at a time.
 */
const { cells, most, rounds, patience } = workerData as {
  cells: Int32Array<SharedArrayBuffer>;
  most: number;
  rounds: number;
  patience: number;
};
const end = performance.now() + patience;

Atomics.sub(cells, 2, 1);
while (Atomics.load(cells, 2) > 0);
let peak = 0;
// Where others take the processors, threads may not meet for long.
for (let round = 0; round < rounds || (Atomics.load(cells, 3) === 0 && performance.now() < end); round++) {
  if (!addUpTo(cells, 0, most)) continue;
  peak = Math.max(peak, Atomics.add(cells, 1, 1) + 1);
  if (peak === most) Atomics.store(cells, 3, 1);
  Atomics.sub(cells, 1, 1);
  Atomics.sub(cells, 0, 1);
}
parentPort!.postMessage(peak);
