/**
 * The cost of a pick, in nanoseconds and in bytes of heap, and of building a picker, in milliseconds: for every
 * picker and several sizes of a pool. `node bench/pickers.ts`; on a core of its own (`taskset -c 1`) it is steadier.
 */
import { cpus } from "node:os";
import { Bench } from "tinybench";
import type { PickerSpec } from "../src/model/pool.ts";
import { bytesPerCall } from "../test/support/allocation.ts";
import {
  clientAddresses,
  equalWeights,
  pickerVariants,
  placedBackends,
  seededRandom,
  TestPool,
} from "../test/support/pickers.ts";

const sizes = [3, 100, 1_000] as const;
const picksPerRun = 1_000;
const clients = clientAddresses(4_096);

/** A pool with 90 to 109 connections on each backend, so that load-aware pickers have something to compare. */
function loadedPool(size: number): TestPool {
  const pool = new TestPool(placedBackends(equalWeights(size)));
  const random = seededRandom(2);
  for (const { slot } of pool.backends) pool.active[slot] = Math.floor(90 + random() * 20);
  return pool;
}

function picking(pool: TestPool, spec: PickerSpec): (times: number) => void {
  const picker = pool.create(spec);
  let next = 0;
  return (times) => {
    for (let count = 0; count < times; count++) {
      pool.key.clientAddress = clients[next++ & 4_095]!;
      picker.pick(pool);
    }
  };
}

/** @returns the median time of one call, in milliseconds. */
async function medianOf(run: () => void): Promise<number> {
  const bench = new Bench({ time: 300, warmupTime: 100, iterations: 5 });
  const [task] = await bench.add("run", run).run();
  if (task?.result.state !== "completed") throw new Error(`the benchmark ended as ${task?.result.state}`);
  return task.result.latency.p50;
}

const picks: Record<string, string | number>[] = [];
const builds: Record<string, string | number>[] = [];
for (const { name, spec } of pickerVariants) {
  const pick: Record<string, string | number> = { picker: name };
  const build: Record<string, string | number> = { picker: name };
  for (const size of sizes) {
    const pool = loadedPool(size);
    const run = picking(pool, spec);
    pick[`ns, ${size}`] = Math.round(((await medianOf(() => run(picksPerRun))) * 1e6) / picksPerRun);
    pick[`bytes, ${size}`] = Number(bytesPerCall(run).toFixed(2));
    build[`ms, ${size}`] = Number((await medianOf(() => void pool.create(spec))).toFixed(2));
  }
  picks.push(pick);
  builds.push(build);
}
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
console.log("One pick, by number of backends (median):");
console.table(picks);
console.log("Building a picker, by number of backends (median):");
console.table(builds);
