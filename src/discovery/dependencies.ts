import { setTimeout as wait } from "node:timers/promises";
import { readSystemNames, type SystemNames } from "../lib/dns/system.ts";
import type { Result } from "../lib/result.ts";
import { FileWatch, type WatchFilesOptions } from "../lib/watch-files.ts";
import type { Backend } from "../model/backend.ts";
import type { EndpointsDiscovery } from "../model/pool.ts";
import { lookUpSystemName } from "./lookup.ts";

/** All times are in milliseconds. */
export interface Clock {
  /** Monotonic; only differences mean something. */
  now(): number;
  /** Resolves after this time, or as soon as `signal` aborts. Never rejects. */
  sleep(time: number, signal: AbortSignal): Promise<void>;
}

/** The parts of the system that a source uses, which tests can replace. */
export interface SystemDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The system's present settings for names. Never rejects. */
  readonly system: () => Promise<SystemNames>;
  /** All addresses that the system has for a name. Rejects when there is none, with an error that says why. */
  readonly lookup: (name: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** For one nameserver: the time for the first try, doubled for each further one, and the number of tries. */
  readonly query: { readonly timeout: number; readonly tries: number };
  readonly watchFile: WatchFile;
}

/** The outside world of a source. */
export interface DiscoveryDependencies extends SystemDependencies {
  /** Reads a file that lists backends. @returns the backends, at least one, or the file's fault. Never rejects. */
  readonly readBackends: (file: string) => Promise<Result<readonly Backend[], string>>;
  readonly endpoints: FollowEndpoints;
}

/**
 * Follows the endpoints of a Service.
 * @param changed called when there may be others, until `signal` aborts.
 * @returns gives the present ones; undefined: they are not known yet.
 */
export type FollowEndpoints = (
  spec: EndpointsDiscovery,
  changed: () => void,
  signal: AbortSignal,
) => () => readonly Backend[] | undefined;

/**
 * Watches a file.
 * @param onChange is called at once, and when the file may have changed; never twice at the same time.
 */
export type WatchFile = (
  file: string,
  onChange: () => Promise<void>,
  options: WatchFilesOptions,
) => Pick<FileWatch, "lookAgain" | "stop">;

/** The longest time of Node's timers; a longer one becomes 1 ms. */
const longestTimer = 2 ** 31 - 1;

export const systemDependencies: SystemDependencies = {
  clock: {
    now: () => performance.now(),
    sleep: async (time, signal) => {
      // It rejects only because `signal` aborted.
      await wait(Math.min(time, longestTimer), undefined, { signal }).catch(() => {});
    },
  },
  random: Math.random,
  system: readSystemNames,
  lookup: (name, signal) => lookUpSystemName(name, systemDependencies, signal),
  query: { timeout: 1_000, tries: 2 },
  watchFile: (file, onChange, options) => new FileWatch(() => [file], onChange, options),
};

/** Adds up to 10 % at random, so that pools and machines that started together do not ask together for ever. */
export function jitter(time: number, random: () => number): number {
  return time * (1 + random() / 10);
}
