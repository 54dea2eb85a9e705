import { setTimeout as sleep } from "node:timers/promises";
import type { Experiment } from "../experiment.ts";
import { memoryOf } from "../measure.ts";
import { stop } from "../process.ts";
import { launch } from "../stage.ts";

/** From exec to the first accepted connection, and what two idle workers take. */
export const startup: Experiment = {
  name: "startup",
  title: "start-up with two workers",
  metrics: [
    { key: "accept", title: "ms from exec to first accept", digits: 0 },
    { key: "rss", title: "RSS MiB idle", digits: 1 },
    { key: "pss", title: "PSS MiB idle", digits: 1 },
  ],
  async measure({ peer }, stage) {
    const serving = await launch(peer, stage, { workers: 2 });
    try {
      await sleep(1_000);
      const { rss, pss } = memoryOf(serving.running.pid);
      return { values: { accept: serving.startedIn, rss: rss / 2 ** 20, pss: pss / 2 ** 20 }, errors: [] };
    } finally {
      await stop(serving.running);
    }
  },
};
