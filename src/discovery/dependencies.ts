import { lookup } from "node:dns/promises";
import { setTimeout as wait } from "node:timers/promises";

/** All times are in milliseconds. */
export interface Clock {
  /** Monotonic; only differences mean something. */
  now(): number;
  /** Resolves after this time, or as soon as `signal` aborts. Never rejects. */
  sleep(time: number, signal: AbortSignal): Promise<void>;
}

/** What sources take from the outside world, so that tests can give it to them. */
export interface DiscoveryDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** All addresses that the system (its hosts file included) has for a name; rejects when there is none. */
  readonly lookup: (name: string) => Promise<readonly string[]>;
  /**
   * For one nameserver: the time for the first try, doubled for each further one, and the number of tries. Node looks
   * for what is overdue once in that time, so that a try can take up to one such time longer.
   */
  readonly query: { readonly timeout: number; readonly tries: number };
}

/** The longest time that Node's timers can take; they make 1 ms of a longer one. */
const longestTimer = 2 ** 31 - 1;

export const systemDependencies: DiscoveryDependencies = {
  clock: {
    now: () => performance.now(),
    sleep: async (time, signal) => {
      // It rejects only because `signal` aborted.
      await wait(Math.min(time, longestTimer), undefined, { signal }).catch(() => {});
    },
  },
  random: Math.random,
  lookup: async (name) => {
    const found = await lookup(name, { all: true, order: "verbatim" });
    return found.map(({ address }) => address);
  },
  query: { timeout: 1_000, tries: 2 },
};

/** Adds up to 10 %, so that pools and machines that started together do not ask together for ever. */
export function jitter(time: number, random: () => number): number {
  return time * (1 + random() / 10);
}
