import { isDeepStrictEqual } from "node:util";
import { err, type Result } from "../lib/result.ts";
import { stampOf } from "../lib/watch-files.ts";
import type { Backend } from "../model/backend.ts";
import type { FileDiscovery } from "../model/pool.ts";
import { ConfiguredBackends } from "./configured.ts";
import type { DiscoveryDependencies } from "./dependencies.ts";
import type { DiscoveryError, DiscoverySource } from "./source.ts";

/** Writers get this long to finish, in milliseconds. */
const settle = 100;
/** What is wrong may be half done: it counts when it is still wrong after this time, in milliseconds. */
const patience = 1_000;
/** For file systems that don't tell of changes, in milliseconds. */
const poll = 5_000;

/** The backends that a file lists, as they change. A file that can't be used, or is gone, changes nothing. */
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

/** A file of backends: its last good list, and what is wrong with it now. */
class BackendsFile {
  list: readonly Backend[] | undefined;
  /** Only after it had time to be put right, where there is a good list. */
  problem: string | undefined;
  /** The problem has been told of. */
  told = false;
  readonly #path: string;
  readonly #clock: DiscoveryDependencies["clock"];
  readonly #read: DiscoveryDependencies["readBackends"];
  readonly #watch: ReturnType<DiscoveryDependencies["watchFile"]>;
  #news = new AbortController();
  /** Of the file when it was last good, unless it was bad since. */
  #stamp: string | undefined;
  /** A problem that is perhaps half a change, and since when. */
  #suspicion: { readonly problem: string; readonly since: number } | undefined;

  constructor(path: string, { clock, watchFile, readBackends }: DiscoveryDependencies) {
    this.#path = path;
    this.#clock = clock;
    this.#read = readBackends;
    // A folder that can't be watched is looked at every few seconds, which is all that can be done.
    const options = { settle, poll, onBlind: () => {} };
    this.#watch = watchFile(path, () => this.#look(), options);
  }

  /** Aborts when list or problem are others. */
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
