import type { SharedLimit } from "../model/http/guard.ts";
import { cellsOfKey, type PassedRequests } from "../model/http/passed.ts";

/** Keys of one call of the script: the store serves nobody else meanwhile. */
const keysOfCall = 512;
/** Keys that wait for their call; the requests of further ones are not told of. */
const mostWaiting = 65_536;
/** A key can be so many bursts in debt, and ten seconds, for what machines let through before they heard of each other. */
const mostDebt = { bursts: 16, time: 10_000 } as const;

/** A call that counts in the store. */
export interface CountCall {
  readonly keys: readonly string[];
  /** As the script takes them. */
  readonly values: readonly string[];
}

/** The connection to the store. */
export interface Counter {
  /** @returns in how many milliseconds the bucket of each key is full. @throws where the store does not say in time. */
  count(call: CountCall): Promise<readonly number[]>;
}

/** The parts of a limit that counting needs. */
export type CountedLimit = Pick<SharedLimit, "name" | "rate" | "burst">;

/** A key of a limit, by both halves of its hash, whose bucket is full in so many milliseconds by all that has passed anywhere. */
export interface HeardKey {
  readonly high: number;
  readonly low: number;
  readonly ahead: number;
}

interface Waiting {
  readonly high: number;
  readonly low: number;
  count: number;
}

export interface CountsEvents {
  heard(limit: string, keys: readonly HeardKey[]): void;
  /** Requests that were not counted in the store. */
  lost(limit: string, requests: number): void;
}

/**
 * Tells a store what has passed on this machine, and hears what has passed on all of them. One call is under way at a
 * time; what comes meanwhile waits, summed up by key.
 */
export class SharedCounts {
  readonly #counter: Counter;
  readonly #prefix: string;
  readonly #events: CountsEvents;
  readonly #waiting = new Map<string, { limit: CountedLimit; readonly keys: Map<string, Waiting> }>();
  #size = 0;
  #working = false;

  constructor(counter: Counter, prefix: string, events: CountsEvents) {
    this.#counter = counter;
    this.#prefix = prefix;
    this.#events = events;
  }

  add(limit: CountedLimit, { keys, cells, untold }: PassedRequests): void {
    let lost = untold;
    let waiting = this.#waiting.get(limit.name);
    if (waiting === undefined) {
      waiting = { limit, keys: new Map() };
      this.#waiting.set(limit.name, waiting);
    }
    waiting.limit = limit;
    for (const [index, key] of keys.entries()) {
      const first = index * cellsOfKey;
      const count = cells[first + 2]!;
      const known = waiting.keys.get(key);
      if (known !== undefined) known.count += count;
      else if (this.#size < mostWaiting) {
        waiting.keys.set(key, { high: cells[first]!, low: cells[first + 1]!, count });
        this.#size++;
      } else lost += count;
    }
    if (lost > 0) this.#events.lost(limit.name, lost);
    if (!this.#working) void this.#work();
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    this.#working = true;
    for (let batch = this.#take(); batch !== undefined; batch = this.#take()) {
      const { limit, keys } = batch;
      try {
        const ahead = await this.#counter.count(this.#callOf(limit, keys));
        this.#events.heard(
          limit.name,
          keys.map(([, { high, low }], index) => ({ high, low, ahead: ahead[index]! })),
        );
      } catch {
        // Whoever counts has told why.
        this.#events.lost(
          limit.name,
          keys.reduce((sum, [, { count }]) => sum + count, 0),
        );
      }
    }
    this.#working = false;
  }

  #take():
    | { readonly limit: CountedLimit; readonly keys: readonly (readonly [string, Waiting])[] }
    | undefined {
    for (const [name, { limit, keys }] of this.#waiting) {
      const taken = [...keys.entries().take(keysOfCall)];
      for (const [key] of taken) keys.delete(key);
      this.#size -= taken.length;
      if (keys.size === 0) this.#waiting.delete(name);
      if (taken.length > 0) return { limit, keys: taken };
    }
    return undefined;
  }

  /** The braces put all keys of a limit on one machine of a cluster, as a script needs them. */
  #callOf({ name, rate, burst }: CountedLimit, keys: readonly (readonly [string, Waiting])[]): CountCall {
    const interval = rate.period / rate.requests;
    const most = mostDebt.bursts * burst * interval + mostDebt.time;
    return {
      keys: keys.map(([key]) => `${this.#prefix}{${name}}:${key}`),
      values: [interval, most, ...keys.map(([, { count }]) => count)].map(String),
    };
  }
}
