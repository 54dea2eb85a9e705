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
export const settleMs = 1_500;

/** @param load of each session. */
function idleOf(about: Pick<Experiment, "name" | "title" | "mode">, load: Load): Experiment {
  return {
    ...about,
    metrics: [
      { key: "bytes", title: "bytes per session", digits: 0 },
      { key: "sessions", title: "sessions", digits: 0 },
      { key: "rss", title: "RSS MiB with all of them", digits: 1 },
    ],
    compared: true,
    maxRounds: 3,
    measure: (target, stage) => measure(target, stage, { ...load, clients: stage.idleSessions }),
  };
}

/** Resident memory that TLS sessions add which have had one request and now do nothing. */
export const idle: Experiment = idleOf({ name: "idle", title: "idle TLS sessions", mode: "tcp" }, small.load);

/** The same, of connections whose requests were forwarded. */
export const httpIdle: readonly Experiment[] = [
  idleOf({ name: "http-idle", title: "idle connections of HTTP/1.1", mode: "http" }, small.load),
  idleOf(
    { name: "h2-idle", title: "idle connections of HTTP/2", mode: "http" },
    { ...small.load, streams: 1 },
  ),
];

/** In a process of its own, since memory that earlier work has left behind would be reused unseen. */
async function measure({ peer }: Target, stage: Stage, load: Load): Promise<Sample> {
  const { cipher } = stage;
  const serving = await launch(peer, stage);
  const { port } = serving;
  const cpus = stage.loadCpus.join(",");
  try {
    const errors = await warmUp({ port, cipher, cpus }, load.streams);
    const before = memoryOf(serving.running.pid).rss;
    const sessions = await openIdle({ load, port, cipher }, cpus);
    await sleep(settleMs);
    const after = memoryOf(serving.running.pid).rss;
    const closed = await sessions.close();
    const values = { bytes: (after - before) / load.clients, sessions: load.clients, rss: after / 2 ** 20 };
    return { values, errors: [...errors, ...closed.errors] };
  } finally {
    await stop(serving.running);
  }
}

/** Requests and sessions beforehand load and compile what the first ones need, and let the heap grow that all share. */
export async function warmUp(
  { port, cipher, cpus }: { readonly port: number; readonly cipher: string; readonly cpus: string },
  streams: number | undefined,
): Promise<readonly string[]> {
  const kept: Load = { ...small.load, ...(streams !== undefined && { streams }) };
  const errors: string[] = [];
  for (const [load, seconds] of [
    [kept, 2],
    [handshake.load, 0.3],
  ] as const) {
    errors.push(...(await runLoad({ load, port, seconds, rate: undefined, cipher }, cpus)).errors);
  }
  await sleep(settleMs);
  return errors;
}
