import { startBackend } from "../backend/nginx.ts";
import type { Experiment, Sample } from "../experiment.ts";
import { runLoad } from "../load/engine.ts";
import type { Load } from "../load/load.ts";
import { cpuMicrosBetween, cpuUsage } from "../measure.ts";
import { stop } from "../process.ts";
import { launch, type Stage, type Target } from "../stage.ts";
import { medium } from "../works/medium.ts";

/** Enough connections for the kernel to spread them over the workers about evenly. */
const load: Load = { ...medium.load, clients: 64 };

/** Throughput of two workers against one. */
export const scaling: Experiment = {
  name: "scaling",
  title: "from one worker to two, 16 KiB responses",
  mode: "tcp",
  metrics: [
    { key: "ratio", title: "throughput, two workers to one", digits: 2 },
    { key: "one", title: "per second, one worker", digits: 0 },
    { key: "two", title: "per second, two workers", digits: 0 },
    { key: "busy", title: "two workers' cores busy %", digits: 0 },
    { key: "cost", title: "CPU per request, two workers to one", digits: 2 },
  ],
  maxRounds: 3,
  measure,
};

/** Two cores for the proxy and the others for the load; with fewer than four cores both share all of them. */
function scalingCpus(stage: Stage): {
  proxy: readonly number[];
  load: readonly number[];
  shared: boolean;
} {
  const all = [...new Set([...stage.proxyCpus, ...stage.loadCpus])];
  const shared = all.length < 4;
  return shared ? { proxy: all, load: all, shared } : { proxy: all.slice(0, 2), load: all.slice(2), shared };
}

/** A note that readers need for the figures. */
export function scalingNote(stage: Stage): string {
  if (!scalingCpus(stage).shared) {
    return "Scaling: where the two workers' cores are less than 90 % busy, the load generator was the limit.";
  }
  const cores = new Set([...stage.proxyCpus, ...stage.loadCpus]).size;
  return (
    `Scaling: with ${cores} cores, load generator and backend share them with the workers and are the limit, so the ` +
    "throughput says nothing about the proxy; it takes four cores. Only the CPU time per request is meaningful."
  );
}

async function measure(target: Target, stage: Stage): Promise<Sample> {
  const one = await withWorkers(1, target, stage);
  const two = await withWorkers(2, target, stage);
  const values = {
    ratio: two.rate / one.rate,
    one: one.rate,
    two: two.rate,
    busy: two.busy / 2,
    cost: two.cost / one.cost,
  };
  return { values, errors: [...one.errors, ...two.errors] };
}

interface Speed {
  readonly rate: number;
  /** Percent of one core. */
  readonly busy: number;
  readonly cost: number;
  readonly errors: readonly string[];
}

async function withWorkers(workers: number, { peer }: Target, stage: Stage): Promise<Speed> {
  const cpus = scalingCpus(stage);
  const proxy = cpus.shared ? cpus.proxy : cpus.proxy.slice(0, workers);
  const backend = await startBackend(cpus.load.join(","), cpus.load.length);
  const serving = await launch(peer, stage, { workers, cpus: proxy, backendPort: backend.port });
  const run = { load, port: serving.port, rate: undefined, cipher: stage.cipher };
  try {
    await runLoad({ ...run, seconds: 1 }, cpus.load.join(","), cpus.load.length);
    const before = cpuUsage(serving.running.pid);
    const seconds = stage.seconds.fullSpeed;
    const result = await runLoad({ ...run, seconds }, cpus.load.join(","), cpus.load.length);
    const used = cpuMicrosBetween(before, cpuUsage(serving.running.pid));
    return {
      rate: result.units / result.seconds,
      busy: used / result.seconds / 10_000,
      cost: used / result.units,
      errors: result.errors,
    };
  } finally {
    await stop(serving.running);
    await stop(backend.running);
  }
}
