import { parentPort, workerData } from "node:worker_threads";
import { addUpTo } from "../../src/channel/bells.ts";

/** [0]: what is limited; [1]: how many are inside, as they count themselves; [2]: threads that are not there yet. */
const { cells, most, rounds } = workerData as {
  cells: Int32Array<SharedArrayBuffer>;
  most: number;
  rounds: number;
};

Atomics.sub(cells, 2, 1);
while (Atomics.load(cells, 2) > 0);
let peak = 0;
let refused = 0;
for (let round = 0; round < rounds; round++) {
  if (addUpTo(cells, 0, most)) {
    peak = Math.max(peak, Atomics.add(cells, 1, 1) + 1);
    Atomics.sub(cells, 1, 1);
    Atomics.sub(cells, 0, 1);
  } else refused++;
}
parentPort!.postMessage({ peak, refused });
