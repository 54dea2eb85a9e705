import type { Scenario } from "./simulate.ts";

const alike: Scenario = {
  name: "all alike",
  backends: 2_000,
  workers: 4,
  sessions: 400_000,
  utilisation: 0.7,
  speed: () => 1,
  weight: () => 1,
  warmUp: 0,
  slowStart: 0,
};

/** Of five backends one has half the speed of the others, and one twice as much. */
const speeds = [1, 1, 1, 0.5, 2];
const uneven: Scenario = {
  ...alike,
  name: "uneven speeds",
  utilisation: 0.4,
  speed: (index) => speeds[index % 5]!,
};

/** A backend that comes needs a while to become fast, and gets it. */
const unsteady: Scenario = { ...alike, utilisation: 0.5, warmUp: 10_000, slowStart: 10_000 };

export const scenarios: readonly (Scenario & { readonly what: string })[] = [
  { ...alike, what: "2,000 backends of one speed, 70 % busy" },
  {
    ...uneven,
    what: "2,000 backends, every fifth half as fast, every fifth twice as fast; weights do not say so",
  },
  {
    ...uneven,
    name: "weights as speeds",
    weight: (index) => 2 * speeds[index % 5]!,
    what: "the same, with weights that say so",
  },
  {
    ...alike,
    name: "one of five slow",
    what: "5 backends, one ten times slower than the others",
    backends: 5,
    sessions: 100_000,
    utilisation: 0.1,
    speed: (index) => (index === 4 ? 0.1 : 1),
  },
  {
    ...unsteady,
    name: "failures",
    what: "every 5 s another twentieth of 2,000 backends is killed, refuses, is ejected, and comes back cold after 10 s",
    everySecond: (world, second) => {
      if (second % 5 !== 0 || second < 10) return;
      world.stop(each(second / 5, 20));
      if (second >= 20) world.start(each(second / 5 - 2, 20));
    },
  },
  {
    ...unsteady,
    name: "churn",
    what: "every 2 s another fiftieth of 2,000 backends is replaced by new ones, which are cold",
    everySecond: (world, second) => {
      if (second % 2 === 0) world.replace(each(second / 2, 50));
    },
  },
];

/** Every `of`-th backend, another set for each `turn`. */
function each(turn: number, of: number): number[] {
  return Array.from({ length: alike.backends / of }, (_, nth) => (turn % of) + nth * of);
}

/** How many workers there are, each with a picker of its own, for a pool of 200. */
export const workerCounts = [1, 2, 4, 8, 16, 32];
export const withWorkers = (workers: number): Scenario => ({
  ...alike,
  backends: 200,
  sessions: 100_000,
  workers,
});

/** One of 20 backends is away from the tenth to the twentieth second, and cold after that. */
export const recovery = (slowStart: number): Scenario => ({
  ...alike,
  backends: 20,
  sessions: 8_500,
  utilisation: 0.6,
  warmUp: 20_000,
  slowStart,
  everySecond: (world, second) => {
    if (second === 10) world.stop([0]);
    if (second === 20) world.start([0]);
  },
});
