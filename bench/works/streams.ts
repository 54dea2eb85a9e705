import { setTimeout as sleep } from "node:timers/promises";
import { startSilent } from "../backend/silent.ts";
import type { Experiment, Sample } from "../experiment.ts";
import { openIdle } from "../load/engine.ts";
import { memoryOf } from "../measure.ts";
import { stop } from "../process.ts";
import { launch, type Stage, type Target } from "../stage.ts";
import { settleMs, warmUp } from "./idle.ts";
import { small } from "./small.ts";

const [connections, streamsEach] = [100, 10];

/** Resident memory that requests over HTTP/2 add which wait for a backend's answer, with their connections to it. */
export const openStreams: Experiment = {
  name: "h2-streams",
  title: "open streams of HTTP/2",
  mode: "http",
  metrics: [
    { key: "bytes", title: "bytes per stream", digits: 0 },
    { key: "streams", title: "streams", digits: 0 },
  ],
  compared: true,
  maxRounds: 3,
  measure,
};

async function measure({ peer }: Target, stage: Stage): Promise<Sample> {
  const cpus = stage.loadCpus.join(",");
  const backend = await startSilent(cpus);
  const serving = await launch(peer, stage, { backendPort: backend.port });
  const load = { ...small.load, clients: connections, streams: 1 };
  try {
    const { port } = serving;
    const { cipher } = stage;
    const first = await warmUp({ port, cipher, cpus }, 10);
    const sessions = await openIdle({ load, port, cipher }, cpus);
    await sleep(settleMs);
    const before = memoryOf(serving.running.pid).rss;
    await sessions.hold("/hold", streamsEach);
    await sleep(settleMs);
    const after = memoryOf(serving.running.pid).rss;
    const { errors } = await sessions.close();
    const streams = connections * streamsEach;
    return { values: { bytes: (after - before) / streams, streams }, errors: [...first, ...errors] };
  } finally {
    await stop(serving.running);
    await stop(backend.running);
  }
}
