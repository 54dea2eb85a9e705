import { isDeepStrictEqual } from "node:util";
import { err, type Result } from "../lib/result.ts";
import { stampOf } from "../lib/watch-files.ts";
import type { Backend } from "../model/backend.ts";
import type { FileDiscovery } from "../model/pool.ts";
import { ConfiguredBackends } from "./configured.ts";
import type { DiscoveryDependencies } from "./dependencies.ts";
import type { DiscoveryError, DiscoverySource } from "./source.ts";

/** Time that a writer has to finish, in milliseconds. */
const settle = 100;
/** A fault may be half a change: it counts when it is still there after this time, in milliseconds. */
const patience = 1_000;
/** Time between two looks, for file systems that don't report changes, in milliseconds. */
const poll = 5_000;

/** Follows the list of backends in a file. A bad or missing file changes nothing. */
export function createFileSource(
  { path }: FileDiscovery,
  dependencies: DiscoveryDependencies,
): DiscoverySource {
  return { watch: (signal) => watch(path, dependencies, signal) };
}

async function* watch(
  path: string,
  dependencies: DiscoveryDependencies,
  signal: AbortSignal,
): AsyncGenerator<Result<readonly Backend[], DiscoveryError>> {
  if (signal.aborted) return;
  const configured = new ConfiguredBackends(dependencies);
  const file = new BackendsFile(path, dependencies);
  try {
    while (!signal.aborted) {
      const { list, problem, told } = file;
      const until = AbortSignal.any([signal, file.news]);
      if (problem === undefined) configured.listWell();
      else if (!told) {
        file.told = true;
        const kept = list === undefined ? "no backend is known" : "the last good list is kept";
        yield err(configured.listFailed(`${problem}; ${kept}`));
      }
      if (list !== undefined) yield* configured.watch(list, until);
      else await aborted(until);
    }
  } finally {
    file.stop();
  }
}

/** A file of backends: its last good list, and its present fault. */
class BackendsFile {
  list: readonly Backend[] | undefined;
  /** The present fault. Where there is a good list, only after `patience`. */
  problem: string | undefined;
  /** The problem was reported. */
  told = false;
  readonly #path: string;
  readonly #clock: DiscoveryDependencies["clock"];
  readonly #read: DiscoveryDependencies["readBackends"];
  readonly #watch: ReturnType<DiscoveryDependencies["watchFile"]>;
  #news = new AbortController();
  /** Stamp of the file when it was last good; unset once it was bad since. */
  #stamp: string | undefined;
  /** A problem that may be half a change, and the time since when. */
  #suspicion: { readonly problem: string; readonly since: number } | undefined;

  constructor(path: string, { clock, watchFile, readBackends }: DiscoveryDependencies) {
    this.#path = path;
    this.#clock = clock;
    this.#read = readBackends;
    // A folder that can't be watched is still looked at every few seconds.
    const options = { settle, poll, onBlind: () => {} };
    this.#watch = watchFile(path, () => this.#look(), options);
  }

  /** Aborts when the list or the problem changes. */
  get news(): AbortSignal {
    return this.#news.signal;
  }

  stop(): void {
    this.#watch.stop();
  }

  async #look(): Promise<void> {
    const stamp = await stampOf(this.#path);
    if (stamp === this.#stamp) return;
    const loaded = await this.#read(this.#path);
    if (!loaded.ok) return this.#suspect(loaded.error);
    this.#stamp = stamp;
    this.#suspicion = undefined;
    if (this.problem === undefined && isDeepStrictEqual(loaded.value, this.list)) return;
    this.list = loaded.value;
    this.#tell(undefined);
  }

  #suspect(problem: string): void {
    this.#stamp = undefined;
    const now = this.#clock.now();
    if (this.#suspicion?.problem !== problem) this.#suspicion = { problem, since: now };
    const left = this.list === undefined ? 0 : this.#suspicion.since + patience - now;
    if (left > 0) this.#watch.lookAgain(left);
    else if (this.problem !== problem) this.#tell(problem);
  }

  #tell(problem: string | undefined): void {
    this.problem = problem;
    this.told = false;
    const news = this.#news;
    this.#news = new AbortController();
    news.abort();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
