import { parentPort, workerData } from "node:worker_threads";
import type { PickerSpec } from "../../src/model/pool.ts";
import { clientAddresses, placedBackends, TestPool } from "./pickers.ts";

const { spec, index, weights } = workerData as { spec: PickerSpec; index: number; weights: number[] };
const pool = new TestPool(placedBackends(weights));
const picker = pool.create(spec, { random: Math.random, worker: { index, count: 2 } });
parentPort?.postMessage(pool.assign(picker, clientAddresses(1_000)));
