import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { conduct, gather } from "./compare.ts";
import type { Experiment } from "./experiment.ts";
import { h2loadVersion } from "./load/h2load.ts";
import { wrkVersion } from "./load/wrk.ts";
import { describeMachine, type Machine, pinSelf, versionOf } from "./machine.ts";
import { chosen, type Options, parseOptions, usage } from "./options.ts";
import { root } from "./peers/index.ts";
import { capture, installCleanup } from "./process.ts";
import { publish } from "./publish.ts";
import { invalidRuns, report } from "./report.ts";
import type { Comparison, ExperimentResult, Results } from "./results.ts";
import { change } from "./singles/change.ts";
import { configLoad } from "./singles/config-load.ts";
import { scaling, scalingNote } from "./singles/scaling.ts";
import { startup } from "./singles/startup.ts";
import { type Stage, setStage } from "./stage.ts";
import { experimentOf } from "./works/experiment.ts";
import { fairness } from "./works/fairness.ts";
import { httpIdle, idle } from "./works/idle.ts";
import { works } from "./works/index.ts";
import { openStreams } from "./works/streams.ts";
import { tail } from "./works/tail.ts";

/** The experiments that --quick leaves room for. */
const brief: readonly Experiment[] = [...works.map(experimentOf), idle, ...httpIdle, openStreams, startup];
const experiments: readonly Experiment[] = [...brief, tail, fairness, scaling, configLoad, change];
/** A program of its own: it calls the pickers, without any proxy. */
const pickers = { name: "pickers", program: fileURLToPath(new URL("./pickers.ts", import.meta.url)) };

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") process.stdout.write(usage);
  else await main(options);
  process.exit();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

async function main(options: Options): Promise<void> {
  installCleanup();
  const { from } = options;
  const results =
    from === undefined ? await measureAll(options) : (JSON.parse(readFileSync(from, "utf8")) as Results);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  if (options.publish) publish(results, root);
  process.stdout.write(report(results));
  if (results.experiments.some((result) => invalidRuns(result).length > 0)) process.exitCode = 1;
}

async function measureAll(options: Options): Promise<Results> {
  const all = [...experiments, pickers];
  const wanted = options.quick && options.only.length === 0 ? brief : chosen(options.only, all, "--only");
  const machine = describeMachine();
  pinSelf(machine.loadCpus);
  const { mode } = options;
  const plan = experiments.filter(
    (experiment) => wanted.includes(experiment) && (mode ?? experiment.mode) === experiment.mode,
  );
  const compared =
    plan.length === 0
      ? { peers: [], skipped: [], experiments: [], notes: [] }
      : await compare(plan, machine, options);
  return {
    date: new Date().toISOString(),
    command: commandLine(),
    rounds: options.rounds,
    machine,
    tools: {
      "nginx (backend)": versionOf("nginx", ["-v"], /nginx\/(\S+)/),
      wrk: wrkVersion(),
      h2load: h2loadVersion(),
    },
    ...compared,
    pickers:
      wanted.includes(pickers) && (options.mode ?? "tcp") === "tcp" ? await timePickers(machine) : undefined,
  };
}

async function compare(plan: readonly Experiment[], machine: Machine, options: Options): Promise<Comparison> {
  const stage = await setStage(options, machine);
  const modes = new Set(plan.map(({ mode }) => mode));
  const { targets, peers, skipped } = await gather(options, stage, modes);
  const results: ExperimentResult[] = [];
  for (const experiment of plan) results.push(await conduct(experiment, targets, stage, options.rounds));
  return { peers, skipped, experiments: results, notes: notesOn(results, stage, options) };
}

function timePickers({ proxyCpus }: Machine): Promise<string> {
  process.stderr.write("pickers\n");
  return capture({ file: process.execPath, args: [pickers.program] }, proxyCpus.join(","), 300);
}

/** The command as it was typed, without the options that only say where the results go. */
function commandLine(): string {
  const words = ["npm run bench --", ...process.argv.slice(2)].join(" ");
  return words.replace(/ --(publish|json[ =]\S+)/g, "").replace(/ --$/, "");
}

function notesOn(results: readonly ExperimentResult[], stage: Stage, options: Options): string[] {
  const notes = [`All clients offered ${stage.cipher} and X25519 only, so that every proxy encrypts alike.`];
  if (options.quick)
    notes.push("A quick run shows that the benchmark works; it begins cold and is too rough to quote.");
  if (!stage.sessionLog && results.some(({ samples }) => samples["umay"] !== undefined)) {
    notes.push("umay wrote a log line for every session; the peers wrote none (see --peer-logs).");
  }
  if (results.some(({ name }) => name === idle.name) && stage.idleSessions < 10_000 && !options.quick) {
    notes.push(`The limit on open files leaves room for ${stage.idleSessions} idle sessions.`);
  }
  if (results.some(({ name }) => name === scaling.name)) notes.push(scalingNote(stage));
  return notes;
}
