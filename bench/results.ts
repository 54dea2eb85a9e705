import type { Metric, Sample } from "./experiment.ts";
import type { Machine } from "./machine.ts";
import type { Mode } from "./peers/peer.ts";

/** Everything that a run found out, as it is saved with --json. */
export interface Results extends Comparison {
  /** ISO 8601. */
  readonly date: string;
  /** As it was typed. */
  readonly command: string;
  readonly rounds: number;
  readonly machine: Machine;
  /** Versions of what made the load and of what answered it. */
  readonly tools: Readonly<Record<string, string | undefined>>;
  /** The table of bench/pickers.ts, as text. */
  readonly pickers: string | undefined;
}

/** The part of the results that several peers have made. */
export interface Comparison {
  /** In the order of the tables; umay first. */
  readonly peers: readonly PeerInfo[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly experiments: readonly ExperimentResult[];
  /** Facts that a reader must know about this very run. */
  readonly notes: readonly string[];
}

export interface PeerInfo {
  readonly name: string;
  readonly mode: Mode;
  readonly title: string;
  readonly version: string;
  /** Protocol, cipher suite and group that it negotiated. */
  readonly tls: string;
}

export interface ExperimentResult {
  readonly name: string;
  readonly title: string;
  readonly mode: Mode;
  readonly metrics: readonly Metric[];
  readonly compared: boolean;
  /** By peer, one per round, in order. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
}

/** The part of a run in which the peers were in one mode. */
export function ofMode(results: Results, mode: Mode): Results {
  const { peers, experiments } = results;
  return {
    ...results,
    peers: peers.filter((peer) => peer.mode === mode),
    experiments: experiments.filter((experiment) => experiment.mode === mode),
    pickers: mode === "tcp" ? results.pickers : undefined,
  };
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Undefined for no values. */
export function spread(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  if (low === undefined || high === undefined) return undefined;
  return { min: sorted[0]!, median: (low + high) / 2, max: sorted.at(-1)! };
}

/** A metric's spread over the rounds that count. */
export function spreadOf(result: ExperimentResult, peer: string, key: string): Spread | undefined {
  return spread((result.samples[peer] ?? []).map((sample) => counted(sample, key)).filter(isNumber));
}

/** The headline of `subject` divided by that of `peer`, each pair from the same round. */
export function ratioOf(result: ExperimentResult, subject: string, peer: string): Spread | undefined {
  const key = result.metrics[0]!.key;
  const others = result.samples[peer] ?? [];
  const ratios = (result.samples[subject] ?? []).map((sample, round) => {
    const mine = counted(sample, key);
    const theirs = others[round] === undefined ? undefined : counted(others[round], key);
    return mine === undefined || theirs === undefined ? undefined : mine / theirs;
  });
  return spread(ratios.filter(isNumber));
}

function counted(sample: Sample, key: string): number | undefined {
  return sample.errors.length > 0 ? undefined : sample.values[key];
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}
