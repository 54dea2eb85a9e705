import { setTimeout as sleep } from "node:timers/promises";
import type { Experiment, Sample } from "../experiment.ts";
import { openIdle, runLoad } from "../load/engine.ts";
import type { Load } from "../load/load.ts";
import { memoryOf } from "../measure.ts";
import { stop } from "../process.ts";
import { launch, type Stage, type Target } from "../stage.ts";
import { handshake } from "./handshake.ts";
import { small } from "./small.ts";

/** How long sessions idle before memory is read: what was needed to open them may go by then. */
const settleMs = 1_500;

/** Resident memory that TLS sessions add which have had one request and now do nothing. */
export const idle: Experiment = {
  name: "idle",
  title: "idle TLS sessions",
  metrics: [
    { key: "bytes", title: "bytes per session", digits: 0 },
    { key: "sessions", title: "sessions", digits: 0 },
    { key: "rss", title: "RSS MiB with all of them", digits: 1 },
  ],
  compared: true,
  maxRounds: 3,
  measure,
};

/** In a process of its own, since memory that earlier work has left behind would be reused unseen. */
async function measure({ peer }: Target, stage: Stage): Promise<Sample> {
  const { cipher } = stage;
  const serving = await launch(peer, stage);
  const { port } = serving;
  const cpus = stage.loadCpus.join(",");
  const load: Load = { ...small.load, clients: stage.idleSessions };
  try {
    // A few sessions beforehand load and compile what the first sessions need.
    const first = await runLoad({ load: handshake.load, port, seconds: 0.3, rate: undefined, cipher }, cpus);
    await sleep(settleMs);
    const before = memoryOf(serving.running.pid).rss;
    const sessions = await openIdle({ load, port, cipher }, cpus);
    await sleep(settleMs);
    const after = memoryOf(serving.running.pid).rss;
    const closed = await sessions.close();
    const values = { bytes: (after - before) / load.clients, sessions: load.clients, rss: after / 2 ** 20 };
    return { values, errors: [...first.errors, ...closed.errors] };
  } finally {
    await stop(serving.running);
  }
}
