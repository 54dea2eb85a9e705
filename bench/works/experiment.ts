import type { Experiment, Sample } from "../experiment.ts";
import { runLoad } from "../load/engine.ts";
import type { LoadResult } from "../load/load.ts";
import { cpuMicrosBetween, cpusBusyMicros, cpuUsage } from "../measure.ts";
import type { Stage, Target } from "../stage.ts";
import type { Work } from "./work.ts";

/** A work at full speed for its cost and its throughput, then at its fixed rate for latency. */
export function experimentOf(work: Work): Experiment {
  return {
    name: work.name,
    title: work.title,
    mode: work.mode,
    metrics: [
      { key: "cpu", title: `CPU µs per ${work.unit}`, digits: 1 },
      { key: "rate", title: `${work.unit}s per second`, digits: 0 },
      { key: "busy", title: "core busy %", digits: 0 },
      { key: "p50", title: `p50 ms at ${work.rate}/s`, digits: 2 },
      { key: "p99", title: `p99 ms at ${work.rate}/s`, digits: 2 },
    ],
    compared: true,
    async warmUp(target, stage) {
      if (stage.seconds.warmUp > 0) await load(work, target, stage, stage.seconds.warmUp);
    },
    measure: (target, stage) => measure(work, target, stage),
  };
}

async function measure(work: Work, target: Target, stage: Stage): Promise<Sample> {
  const { pid } = target.serving.running;
  const before = cpuUsage(pid);
  const busyBefore = cpusBusyMicros(stage.proxyCpus);
  const began = performance.now();
  const fast = await load(work, target, stage, stage.seconds.fullSpeed);
  const wall = (performance.now() - began) * 1000;
  const used = cpuMicrosBetween(before, cpuUsage(pid));
  const others = cpusBusyMicros(stage.proxyCpus) - busyBefore - used;
  const steady = await load(work, target, stage, stage.seconds.fixedRate, work.rate);
  const values = {
    cpu: used / fast.units,
    rate: fast.units / fast.seconds,
    busy: used / fast.seconds / 10_000,
    others: Math.max(0, (100 * others) / wall),
    ...steady.latency,
  };
  return { values, errors: [...fast.errors, ...steady.errors] };
}

function load(work: Work, target: Target, stage: Stage, seconds: number, rate?: number): Promise<LoadResult> {
  const { port } = target.serving;
  return runLoad({ load: work.load, port, seconds, rate, cipher: stage.cipher }, stage.loadCpus.join(","));
}
