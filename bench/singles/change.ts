import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Experiment, Sample } from "../experiment.ts";
import { runLoad } from "../load/engine.ts";
import type { LoadResult } from "../load/load.ts";
import { cpuUsage, threadMicros } from "../measure.ts";
import { type Running, stop } from "../process.ts";
import { launch, type Stage, type Target } from "../stage.ts";
import { small } from "../works/small.ts";
import { ChangingPool } from "./changing-pool.ts";

const poolCount = 1_000;
const backendsEach = 16;
const workers = 2;
/** Changes whose CPU time is taken, and how long the workers have for each after the main thread has found it. */
const changes = 20;
const apartMs = 250;
/** Changes under load: how far apart, and for how long. */
const hurryMs = 10;
const seconds = 10;
/** Small requests per second, far below what one core can do. */
const rate = 300;

/** The cost of one backend that comes and goes, while there are many other pools. */
export const change: Experiment = {
  name: "change",
  title: `one backend that changes, beside ${poolCount} pools of ${backendsEach}`,
  mode: "tcp",
  metrics: [
    { key: "worker", title: "CPU ms per change, each worker", digits: 2, target: "< 1" },
    { key: "main", title: "CPU ms per change, main thread", digits: 2, target: "< 10" },
    {
      key: "ratio",
      title: `p99 with ${1_000 / hurryMs} changes a second, to p99 without`,
      digits: 2,
      target: "≤ 1.3",
    },
    { key: "beside", title: "p99 ms with", digits: 2 },
    { key: "alone", title: "p99 ms without", digits: 2 },
    { key: "start", title: "CPU s from exec to ready", digits: 2, target: "< 1.5" },
  ],
  maxRounds: 3,
  umayOnly: true,
  measure,
};

async function measure({ peer }: Target, stage: Stage): Promise<Sample> {
  const pool = new ChangingPool();
  const among = pool.among(peer, poolCount, backendsEach);
  const { running, port } = await launch(among, stage, { workers, startSeconds: 120 });
  try {
    const start = await secondsToReady(running);
    const cost = await costOfChanges(running, pool);
    const aim = { load: small.load, port, cipher: stage.cipher };
    const ask = (): Promise<LoadResult> => runLoad({ ...aim, seconds, rate }, stage.loadCpus.join(","));
    const alone = await ask();
    const hurrying = setInterval(() => pool.change(), hurryMs);
    const beside = await ask().finally(() => clearInterval(hurrying));
    await pool.followed();
    const values = { start, ...cost, ...comparison(alone, beside) };
    return { values, errors: [...alone.errors, ...beside.errors] };
  } finally {
    await stop(running);
  }
}

function comparison({ latency: alone }: LoadResult, { latency: beside }: LoadResult): Record<string, number> {
  if (alone === undefined || beside === undefined) return {};
  return { alone: alone.p99, beside: beside.p99, ratio: beside.p99 / alone.p99 };
}

/** CPU time that the process has taken when it says that it is ready. */
async function secondsToReady({ pid, log }: Running): Promise<number> {
  for (let waited = 0; waited < 60_000; waited += 5) {
    if (readFileSync(log!, "utf8").includes("umay is ready")) return cpuUsage(pid).ticksMicros / 1e6;
    await sleep(5);
  }
  throw new Error("umay was not ready within a minute");
}

interface Cost {
  /** Of one worker on average. */
  readonly worker: number;
  readonly main: number;
}

/** Milliseconds of CPU time per change, beyond what the threads take while nothing changes. */
async function costOfChanges({ pid, log }: Running, pool: ChangingPool): Promise<Cost> {
  const idle = await spent(pid, async () => {});
  const busy = await spent(pid, () => changeFound(log!, pool));
  await pool.followed();
  return { worker: (busy.worker - idle.worker) / changes, main: (busy.main - idle.main) / changes };
}

/** Changes the pool, and waits until umay says in its log that it has found that. */
async function changeFound(log: string, pool: ChangingPool): Promise<void> {
  const found = (): number => readFileSync(log, "utf8").split("backends of a pool changed").length;
  const before = found();
  pool.change();
  for (let waited = 0; found() === before; waited += 10) {
    if (waited > 20_000) throw new Error("umay did not find a change within 20 seconds");
    await sleep(10);
  }
}

/** Waits until all threads together take less than a hundredth of a core for half a second. */
async function atRest(pid: number): Promise<void> {
  const total = (): number =>
    threadMicros(pid)
      .values()
      .reduce((sum, { micros }) => sum + micros, 0);
  for (let round = 0; round < 60; round++) {
    const before = total();
    await sleep(500);
    if (total() - before < 5_000) return;
  }
  throw new Error("umay did not come to rest within half a minute");
}

async function spent(pid: number, act: () => Promise<void>): Promise<Cost> {
  const before = threadMicros(pid);
  for (let count = 0; count < changes; count++) {
    await act();
    await sleep(apartMs);
  }
  await atRest(pid);
  let [worker, main] = [0, 0];
  for (const [thread, { name, micros }] of threadMicros(pid)) {
    const taken = (micros - (before.get(thread)?.micros ?? 0)) / 1_000;
    if (thread === String(pid)) main += taken;
    else if (name.startsWith("worker ")) worker += taken / workers;
  }
  return { worker, main };
}
