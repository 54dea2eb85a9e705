import { setTimeout as sleep } from "node:timers/promises";
import type { Experiment } from "../experiment.ts";
import { memoryOf } from "../measure.ts";
import { stop } from "../process.ts";
import { launch } from "../stage.ts";

/** From exec to the first accepted connection, and what two idle workers take. */
export const startup: Experiment = {
  name: "startup",
  title: "start-up",
  mode: "tcp",
  metrics: [
    { key: "accept", title: "ms from exec to first accept, one worker", digits: 0 },
    { key: "rss", title: "RSS MiB idle, two workers", digits: 1 },
    { key: "pss", title: "PSS MiB idle, two workers", digits: 1 },
  ],
  async measure({ peer }, stage) {
    const { running, startedIn: accept } = await launch(peer, stage);
    await stop(running);
    const two = await launch(peer, stage, { workers: 2 });
    try {
      await sleep(1_000);
      const { rss, pss } = memoryOf(two.running.pid);
      return { values: { accept, rss: rss / 2 ** 20, pss: pss / 2 ** 20 }, errors: [] };
    } finally {
      await stop(two.running);
    }
  },
};
