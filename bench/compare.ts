import type { Experiment, Sample } from "./experiment.ts";
import type { Options } from "./options.ts";
import { chosen } from "./options.ts";
import { allPeers } from "./peers/index.ts";
import { type Mode, modes, type Peer } from "./peers/peer.ts";
import { umay } from "./peers/umay.ts";
import { isAlive } from "./process.ts";
import type { ExperimentResult, PeerInfo, Results } from "./results.ts";
import { launch, type Stage, type Target } from "./stage.ts";

/** The peers of a run, started, and what is to be said about them. */
export interface Field {
  readonly targets: readonly Target[];
  readonly peers: readonly PeerInfo[];
  readonly skipped: Results["skipped"];
}

/** Starts every peer that was asked for and is installed, in the modes that are to be measured. */
export async function gather(options: Options, stage: Stage, wanted: ReadonlySet<Mode>): Promise<Field> {
  const targets: Target[] = [];
  const peers: PeerInfo[] = [];
  const skipped: { name: string; reason: string }[] = [];
  for (const peer of wantedPeers(options)) {
    if (!wanted.has(peer.mode)) continue;
    const version = peer.version();
    if (version === undefined) {
      const reason = peer.isUmay ? "it is not built" : (peer.missing ?? "it is not installed");
      skipped.push({ name: peer.name, reason });
      continue;
    }
    try {
      const serving = await launch(peer, stage);
      targets.push({ peer, serving });
      peers.push({ name: peer.name, mode: peer.mode, title: peer.title, version, tls: serving.tls });
    } catch (error) {
      if (peer.isUmay) throw error;
      skipped.push({ name: peer.name, reason: `it did not start: ${(error as Error).message}` });
    }
  }
  if (targets.length === 0) throw new Error("nothing that could be measured is installed");
  return { targets, peers, skipped };
}

function wantedPeers({ peers, also, node }: Options): readonly Peer[] {
  const others = also.flatMap(({ name, folder }) => modes.map((mode) => umay(name, folder, node, mode)));
  return [...chosen(peers, allPeers(node), "--peers"), ...others];
}

/** All peers in turn, round by round, so that a machine that changes its mood does so for all of them. */
export async function conduct(
  experiment: Experiment,
  all: readonly Target[],
  stage: Stage,
  rounds: number,
): Promise<ExperimentResult> {
  const { name, title, mode, metrics, compared = false, maxRounds = rounds } = experiment;
  const takesPart = (peer: Peer): boolean => experiment.umayOnly !== true || peer.isUmay === true;
  const targets = all.filter(({ peer }) => peer.mode === mode && takesPart(peer));
  const samples: Record<string, Sample[]> = {};
  for (const target of targets) {
    await experiment.warmUp?.(target, stage);
    samples[target.peer.name] = [];
  }
  for (let round = 1; round <= Math.min(rounds, maxRounds); round++) {
    for (const target of targets) {
      process.stderr.write(`${name}, round ${round}: ${target.peer.name}\n`);
      samples[target.peer.name]!.push(await attempt(experiment, target, stage));
    }
  }
  return { name, title, mode, metrics, compared, samples };
}

async function attempt(experiment: Experiment, target: Target, stage: Stage): Promise<Sample> {
  try {
    const sample = await experiment.measure(target, stage);
    if (isAlive(target.serving.running.pid)) return sample;
    return { values: {}, errors: [...sample.errors, "the proxy has ended"] };
  } catch (error) {
    return { values: {}, errors: [error instanceof Error ? error.message : String(error)] };
  }
}
