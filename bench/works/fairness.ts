import { setTimeout as sleep } from "node:timers/promises";
import type { Experiment, Sample } from "../experiment.ts";
import { runLoad } from "../load/engine.ts";
import type { LoadResult } from "../load/load.ts";
import type { Stage, Target } from "../stage.ts";
import { bulk } from "./bulk.ts";
import { small } from "./small.ts";

/** Small requests per second, far below what any proxy can do. */
const rate = 300;
/** Until the download is at full speed. */
const headStartMs = 500;

/** The wait of small requests while one client downloads as fast as the same worker can send. */
export const fairness: Experiment = {
  name: "fairness",
  title: `12 B responses at ${rate}/s beside one endless download`,
  mode: "tcp",
  metrics: [
    { key: "p99", title: "p99 ms beside it", digits: 2 },
    { key: "p50", title: "p50 ms beside it", digits: 2 },
    { key: "p99alone", title: "p99 ms alone", digits: 2 },
    { key: "downloads", title: "downloads of 4 MiB per second", digits: 0 },
  ],
  measure,
};

async function measure({ serving }: Target, stage: Stage): Promise<Sample> {
  const seconds = stage.seconds.fixedRate;
  const aim = { port: serving.port, cipher: stage.cipher };
  const cpus = stage.loadCpus.join(",");
  const ask = (): Promise<LoadResult> => runLoad({ ...aim, load: small.load, seconds, rate }, cpus);
  const alone = await ask();
  const download = runLoad(
    { ...aim, load: { ...bulk.load, clients: 1 }, seconds: Math.ceil(seconds) + 2, rate: undefined },
    cpus,
  );
  await sleep(headStartMs);
  const [beside, downloaded] = await Promise.all([ask(), download]);
  const values = {
    ...beside.latency,
    ...(alone.latency && { p99alone: alone.latency.p99 }),
    downloads: downloaded.units / downloaded.seconds,
  };
  return { values, errors: [...alone.errors, ...beside.errors, ...downloaded.errors] };
}
