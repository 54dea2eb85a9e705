/**
 * Plays every picker against thousands of backends, without sockets, and puts table and plots into docs/pickers.md and
 * docs/img: `npm run simulate`, two to five minutes. The same sources give the same figures, on any machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hashedBy } from "../src/model/pool.ts";
import { pickerVariants } from "../test/support/pickers.ts";
import { putBetween } from "./publish.ts";
import { barPanels, colourOf, figure, type Line, lineChart } from "./simulation/charts.ts";
import { keysMoved } from "./simulation/keys.ts";
import { recovery, scenarios, withWorkers, workerCounts } from "./simulation/scenarios.ts";
import { type Outcome, simulate } from "./simulation/simulate.ts";

const seed = 1;
const docs = fileURLToPath(new URL("../docs/", import.meta.url));
const names = pickerVariants.map(({ name }) => name.replace("consistent-hash", "hash"));
/** One of each kind is enough where bounds and tables make no difference to see. */
const kinds = pickerVariants.flatMap(({ name, spec }, index) =>
  name.includes("ring") || name.includes("within")
    ? []
    : [{ name: names[index]!, spec, colour: colourOf(index) }],
);

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}

function save(file: string, picture: string): void {
  writeFileSync(`${docs}img/${file}`, picture);
}

function playScenarios(): Outcome[][] {
  return scenarios.map((scenario) => {
    say(scenario.name);
    return pickerVariants.map(({ spec }) => simulate(scenario, spec, seed));
  });
}

/** How evenly load spreads, by the number of workers, whose pickers do not know of each other. */
function playWorkers(): Line[] {
  say("workers");
  return kinds.map(({ name, spec, colour }) => ({
    name,
    colour,
    points: workerCounts.map((count) => [count, simulate(withWorkers(count), spec, seed).spread] as const),
  }));
}

const recoverySeconds = 60;
const recoveryRuns = 60;

/** New sessions of a backend that recovers, as a multiple of the others' mean, second by second. */
function playRecovery(slowStart: number, pickers: typeof kinds): Line[] {
  say(`recovery, slow_start = ${slowStart / 1000}s`);
  return pickers.map(({ name, spec, colour }) => {
    const runs = Array.from({ length: recoveryRuns }, (_, index) =>
      simulate(recovery(slowStart), spec, seed + index),
    );
    const points = Array.from({ length: recoverySeconds }, (_, second) => {
      const counts = runs.flatMap(({ begun }) => [begun[second + 20]!, begun[second + 21]!]);
      const own = counts.reduce((sum, begun) => sum + begun[0]!, 0);
      const all = counts.reduce((sum, begun) => sum + begun.reduce((part, count) => part + count, 0), 0);
      return [second + 1, (own * 19) / (all - own)] as const;
    });
    return { name, colour, points };
  });
}

const poolSizes = [5, 10, 20, 50, 80, 100, 200, 500, 1_000, 2_000];

function playKeys(): Line[] {
  say("keys");
  return pickerVariants.flatMap(({ spec }, index) =>
    hashedBy(spec) !== undefined
      ? [
          {
            name: names[index]!,
            colour: colourOf(index),
            points: poolSizes.map((size) => [size, keysMoved(spec, size)] as const),
          },
        ]
      : [],
  );
}

function table(outcomes: readonly (readonly Outcome[])[]): string {
  const cell = ({ p99, spread }: Outcome): string => `${figure(p99 / 1000)} s, ${figure(spread)}×`;
  const rows = pickerVariants.map(({ name }, index) => {
    const [type = "", ...options] = name.split(" ");
    const own = outcomes.map((of) => of[index]!);
    const lost = own.map((outcome) => outcome.lost / outcome.sessions);
    return [
      [`\`${type}\``, ...options].join(" "),
      ...own.map(cell),
      `${(Math.max(...lost) * 100).toFixed(3)} %`,
    ];
  });
  const head = ["picker", ...scenarios.map(({ name }) => name), "lost in failures"];
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

mkdirSync(`${docs}img`, { recursive: true });
const outcomes = playScenarios();
const note =
  "Four workers, exponentially distributed times with a mean of 1 s on a backend of speed 1; less is better";
const panels = (of: (outcome: Outcome) => number) =>
  scenarios.map(({ name }, index) => ({ title: name, values: outcomes[index]!.map(of) }));
save(
  "p99.svg",
  barPanels(
    "99th percentile of session times",
    note,
    names,
    panels(({ p99 }) => p99 / 1000),
    " s",
  ),
);
save(
  "load-spread.svg",
  barPanels(
    "Open sessions of the most loaded hundredth of backends, against the mean",
    note,
    names,
    panels(({ spread }) => spread),
    "×",
  ),
);
save(
  "workers.svg",
  lineChart(
    "Open sessions of the most loaded hundredth of backends, by number of workers",
    "200 backends of one speed, 70 % busy",
    {
      x: { title: "workers", ticks: workerCounts, logarithmic: true },
      y: { title: "× mean", ticks: [1, 1.5, 2, 2.5, 3] },
    },
    playWorkers(),
  ),
);
const withSlowStart = playRecovery(30_000, kinds);
const without = playRecovery(
  0,
  kinds.filter(({ name }) => name === "least-connection" || name === "round-robin"),
);
save(
  "slow-start.svg",
  lineChart(
    'New sessions of a backend that recovers, with slow_start = "30s"',
    `One of 20 backends, a quarter as fast at first, warm after 20 s; means of two seconds and ${recoveryRuns} runs`,
    {
      x: { title: "seconds after it is back", ticks: [0, 10, 20, 30, 40, 50, 60] },
      y: { title: "× mean of the others", ticks: [0, 0.25, 0.5, 0.75, 1, 1.25] },
    },
    [
      ...withSlowStart,
      ...without.map((line) => ({ ...line, name: `${line.name}, no slow start`, dashed: true })),
    ],
  ),
);
save(
  "keys-moved.svg",
  lineChart(
    "Keys that move when discovery removes one of n backends",
    "As a multiple of those that have to, the removed backend's own; 100,000 keys, each with an open session",
    {
      x: { title: "backends before", ticks: poolSizes.filter((size) => size !== 80), logarithmic: true },
      y: { title: "× own keys", ticks: [0, 5, 10, 15, 20] },
    },
    playKeys(),
  ),
);
const sessions = outcomes.flat().reduce((sum, outcome) => sum + outcome.sessions, 0);
putBetween(
  `${docs}pickers.md`,
  "simulation",
  `
${scenarios.map(({ name, what }) => `- **${name}**: ${what}.\n`).join("")}
${table(outcomes)}
${sessions.toLocaleString("en")} sessions in all. Lost sessions found no backend in three attempts.

![99th percentile of session times](img/p99.svg)

![Open sessions of the most loaded backends](img/load-spread.svg)

![Load by number of workers](img/workers.svg)

![Keys that move](img/keys-moved.svg)

`,
);
