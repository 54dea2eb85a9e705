import type { Mode } from "./peers/peer.ts";
import type { Stage, Target } from "./stage.ts";

/** One column of an experiment's table. */
export interface Metric {
  readonly key: string;
  /** With its unit. */
  readonly title: string;
  /** Digits after the point. */
  readonly digits: number;
  /** The value that it is meant to have, such as "< 1". */
  readonly target?: string;
}

/** The outcome of one measurement of one peer. */
export interface Sample {
  /** By metric; a metric that could not be taken is missing. */
  readonly values: Readonly<Record<string, number>>;
  /** Why the measurement does not count; empty when it does. */
  readonly errors: readonly string[];
}

/** Something that is measured of several peers in turn. */
export interface Experiment {
  readonly name: string;
  readonly title: string;
  readonly mode: Mode;
  /** The first is the headline. */
  readonly metrics: readonly Metric[];
  /** Whether umay's headline, where less is better, is divided by that of every peer, for the summary and the plot. */
  readonly compared?: boolean;
  /** At most so many rounds, where one is long or varies little. */
  readonly maxRounds?: number;
  /** Only of umay itself, where a comparison would say nothing. */
  readonly umayOnly?: boolean;
  /** Once per peer, before the first round. */
  warmUp?(target: Target, stage: Stage): Promise<void>;
  measure(target: Target, stage: Stage): Promise<Sample>;
}
