import {
  type Clock,
  type DiscoveryDependencies,
  systemDependencies,
} from "../../src/discovery/dependencies.ts";
import { createDiscovery } from "../../src/discovery/registry.ts";
import type { DiscoveryError, DiscoverySource } from "../../src/discovery/source.ts";
import type { SystemNames } from "../../src/lib/dns/system.ts";
import type { Result } from "../../src/lib/result.ts";
import type { Backend } from "../../src/model/backend.ts";
import type { DnsDiscovery } from "../../src/model/pool.ts";
import { loadBackends } from "../../src/providers/toml/backends-file.ts";
import { patient } from "../support/patience.ts";

interface Sleeper {
  readonly time: number;
  readonly until: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  readonly #waiting: (() => void)[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(time: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { time, until: this.#now + time, wake };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", wake);
      for (const tell of this.#waiting.splice(0)) tell();
    });
  }

  /** Resolves when this many sleep, with the time that each of them chose, shortest first. */
  async asleep(count = 1): Promise<readonly number[]> {
    while (this.#sleepers.size < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return [...this.#sleepers].map(({ time }) => time).sort((a, b) => a - b);
  }

  /** Moves the time, and wakes those whose time has come. */
  advance(time: number): void {
    this.#now += time;
    for (const sleeper of [...this.#sleepers]) if (sleeper.until <= this.#now) sleeper.wake();
  }
}

/** The outcome that a source yields, in short. */
export type Seen = readonly string[] | DiscoveryError;

/** A source that is being watched to its end. */
export class Watching implements AsyncDisposable {
  readonly clock: FakeClock;
  /** Everything that was yielded: addresses of a set, or an error. */
  readonly seen: Seen[] = [];
  readonly sets: (readonly Backend[])[] = [];
  readonly ended: Promise<void>;
  readonly #abort = new AbortController();
  readonly #waiting: { readonly total: number; readonly resolve: () => void }[] = [];
  #total = 0;

  constructor(source: DiscoverySource, clock: FakeClock) {
    this.clock = clock;
    this.ended = this.#consume(source.watch(this.#abort.signal));
  }

  async #consume(results: AsyncIterable<Result<readonly Backend[], DiscoveryError>>): Promise<void> {
    for await (const result of results) {
      if (result.ok) this.sets.push(result.value);
      this.seen.push(result.ok ? result.value.map(({ address }) => address) : result.error);
      this.#total++;
      for (const { total, resolve } of this.#waiting) if (this.#total >= total) resolve();
    }
  }

  /** Resolves as soon as this many results have been yielded since the start. */
  async yielded(total: number): Promise<void> {
    if (this.#total >= total) return;
    await new Promise<void>((resolve) => this.#waiting.push({ total, resolve }));
  }

  /** Lets the chosen wait pass; resolves when the source waits again, with the time that passed. */
  async round(): Promise<number> {
    const [time = 0] = await this.clock.asleep();
    this.clock.advance(time);
    await this.clock.asleep();
    return time;
  }

  /** The results since the last call. */
  take(): readonly Seen[] {
    return this.seen.splice(0);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Long enough for an answer on a busy machine, and short enough to wait for a server that is silent. */
export const impatient = { query: { timeout: patient(300), tries: 1 } };

/** Files of backends are read, and no cluster is followed. */
export const noProvider: Pick<DiscoveryDependencies, "readBackends" | "endpoints"> = {
  readBackends: loadBackends,
  endpoints: () => () => undefined,
};

/** No jitter, and a fake clock. */
export function fakeDependencies(overrides: Partial<DiscoveryDependencies> = {}): DiscoveryDependencies & {
  readonly clock: FakeClock;
} {
  const steady = { random: () => 0, query: { timeout: patient(5_000), tries: 1 } };
  return {
    ...systemDependencies,
    ...noProvider,
    ...steady,
    ...overrides,
    clock: new FakeClock(),
  };
}

export function systemWith(settings: Partial<SystemNames>): SystemNames {
  return { nameservers: [], search: [], ndots: 1, hosts: new Map(), ...settings };
}

export const dnsDefaults: DnsDiscovery = {
  type: "dns",
  name: "api.test",
  port: 443,
  record: "a",
  nameservers: [],
  refresh: { min: 1_000, max: 300_000 },
  hold: 30_000,
  linger: 0,
};

/** Watches `api.test`, port 443, at these nameservers. */
export function watchDns(
  nameservers: readonly string[],
  spec: Partial<DnsDiscovery> = {},
  overrides: Partial<DiscoveryDependencies> = {},
): Watching {
  const dependencies = fakeDependencies(overrides);
  return new Watching(
    createDiscovery({ ...dnsDefaults, nameservers, ...spec }, dependencies),
    dependencies.clock,
  );
}
