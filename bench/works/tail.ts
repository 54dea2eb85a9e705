import type { Experiment } from "../experiment.ts";
import { runLoad } from "../load/engine.ts";
import { medium } from "./medium.ts";

const rate = 1_000;
const seconds = 20;

/** The slowest of many answers at a moderate rate: what pauses, garbage collection's among them, cost a client. */
export const tail: Experiment = {
  name: "tail",
  title: `16 KiB responses at ${rate}/s for ${seconds} s`,
  mode: "tcp",
  metrics: [
    { key: "p999", title: "p99.9 ms", digits: 2 },
    { key: "longest", title: "longest ms", digits: 1 },
    { key: "p99", title: "p99 ms", digits: 2 },
    { key: "p50", title: "p50 ms", digits: 2 },
  ],
  async measure({ serving: { port } }, { cipher, loadCpus }) {
    const { latency, errors } = await runLoad(
      { load: medium.load, port, seconds, rate, cipher },
      loadCpus.join(","),
    );
    return { values: { ...latency }, errors };
  },
};
