import { setTimeout as sleep } from "node:timers/promises";
import { backoff } from "../../../lib/backoff.ts";
import { type KubeObject, keyOf } from "../meta.ts";
import { type Api, ApiError } from "./api.ts";
import type { Bucket } from "./bucket.ts";
import { trimmed } from "./object.ts";
import type { Pace } from "./pace.ts";

/** Where objects are kept. */
export interface Keep {
  /** Whether an object is of use; others are not kept. Default: all are. */
  wants?(key: string): boolean;
  /** A new object, or another state of one. */
  put(key: string, object: KubeObject): void;
  remove(key: string): void;
}

export interface FollowOptions {
  readonly api: Api;
  /** Of lists. */
  readonly pace: Pace;
  /** Of everything that is tried again, of all collections; undefined: its own waits are enough. */
  readonly retries?: Bucket;
  /** Whether this collection goes before others in it. */
  readonly isUrgent?: boolean;
  /** Of the collection. */
  readonly path: string;
  readonly fieldSelector?: string | undefined;
  readonly keep: Keep;
  /** Called when the copy is complete, and with why it can't be brought up to date. */
  readonly tell: (problem: ApiError | undefined) => void;
  readonly times?: Partial<FollowTimes>;
  readonly random?: () => number;
}

/** In milliseconds. */
export interface FollowTimes {
  /** How long a server may send nothing: bookmarks come about every minute. */
  readonly silence: number;
  /** How long a watch lasts, at most; at least four fifths of it. */
  readonly watch: number;
  /** Waits after the first failure, and after many. */
  readonly first: number;
  readonly last: number;
  /** A watch that has lasted so long is no failure: others may go on. */
  readonly settled: number;
  /** After a watch that was shorter, the next one waits; a server that was away for longer is asked by all when it is back. */
  readonly brief: number;
}

export const usualTimes: FollowTimes = {
  silence: 90_000,
  watch: 300_000,
  first: 1_000,
  last: 30_000,
  settled: 1_000,
  brief: 5_000,
};
/** Objects of one answer. */
const pageSize = 500;

/**
 * Keeps a copy of one collection: lists it, and follows it by watches from then on. A watch that ends is resumed where it
 * was; where the server does not know that place any more, the collection is listed again. While the server is away the
 * copy stays as it is.
 */
export class Follower {
  readonly #options: FollowOptions;
  readonly #times: FollowTimes;
  readonly #stop = new AbortController();
  /** The versions of objects that are kept, by key. */
  readonly #kept = new Map<string, string>();
  /** Where the next watch begins; undefined: the collection is to be listed. */
  #version: string | undefined;
  #failures = 0;
  /** Ends the request that is under way. */
  #round = new AbortController();
  /** Whether it has a token of {@link FollowOptions.retries}. */
  #isRetrying = false;
  /** Ends the wait that is under way. */
  #wait = new AbortController();

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#times = { ...usualTimes, ...options.times };
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Ends, and takes back all that it has kept. */
  forget(): void {
    this.stop();
    for (const key of [...this.#kept.keys()]) this.#remove(key);
  }

  /** Other objects are wanted: those that are not any more go, and the collection is listed again for those that are new. */
  again(): void {
    for (const key of [...this.#kept.keys()])
      if (this.#options.keep.wants?.(key) === false) this.#remove(key);
    this.#version = undefined;
    this.#round.abort();
  }

  /** The server has answered somebody: there is no need to wait for long. */
  hurry(): void {
    // It may refuse at first what it does not know yet.
    this.#failures = 0;
    this.#wait.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { pace, tell } = this.#options;
    while (!signal.aborted) {
      try {
        // A watch costs little, and waits after a failure: one that waits for others lets the copy grow old.
        if (this.#version === undefined) await pace.turn(signal);
        this.#round = new AbortController();
        if (this.#version === undefined) await this.#list();
        else await this.#watch(this.#version);
      } catch (error) {
        if (signal.aborted) return;
        if (this.#round.signal.aborted) continue;
        const failure = asApiError(error);
        // Too old: what has happened since then is not known any more.
        if (failure.status === 410) this.#version = undefined;
        else tell(failure);
        await this.#pause(failure.retryAfter);
      }
    }
  }

  async #list(): Promise<void> {
    const { api, path, tell } = this.#options;
    const signal = this.#signal();
    const seen = new Set<string>();
    let more = "";
    let version = "";
    do {
      const query = this.#query({ limit: String(pageSize), ...(more !== "" && { continue: more }) });
      const page = (await api.json({
        method: "GET",
        path: `${path}?${query}`,
        signal,
      })) as {
        readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
        readonly items?: readonly unknown[];
      };
      for (const item of page.items ?? []) seen.add(this.#put(trimmed(item)));
      more = page.metadata?.continue ?? "";
      version = page.metadata?.resourceVersion ?? "";
    } while (more !== "");
    signal.throwIfAborted();
    if (version === "") throw new ApiError(0, "a list has no resourceVersion");
    for (const key of [...this.#kept.keys()]) if (!seen.has(key)) this.#remove(key);
    this.#version = version;
    this.#succeeded();
    tell(undefined);
  }

  async #watch(from: string): Promise<void> {
    const { api, path, tell, random = Math.random } = this.#options;
    const { silence, watch, settled, brief } = this.#times;
    const seconds = Math.max(1, Math.round((watch * (0.8 + random() / 5)) / 1_000));
    const query = this.#query({
      watch: "1",
      allowWatchBookmarks: "true",
      resourceVersion: from,
      timeoutSeconds: String(seconds),
    });
    const began = performance.now();
    const round = this.#round.signal;
    let timer: NodeJS.Timeout | undefined;
    try {
      await api.watch({
        path: `${path}?${query}`,
        signal: this.#signal(),
        silence,
        onOpen: () => {
          timer = setTimeout(() => this.#succeeded(), settled).unref();
          tell(undefined);
        },
        onLine: (line) => {
          // A late event must not undo that the collection is to be listed.
          if (round.aborted) return;
          this.#event(JSON.parse(line) as WatchEvent);
          this.#failures = 0;
        },
      });
    } finally {
      clearTimeout(timer);
    }
    if (performance.now() - began < brief) await this.#pause(0);
    else this.#failures = 0;
  }

  #event({ type, object }: WatchEvent): void {
    if (type === "ERROR") {
      const { code, message } = object as { readonly code?: number; readonly message?: string };
      throw new ApiError(code ?? 0, message ?? "the watch was ended with an error");
    }
    const version = (object as Partial<KubeObject>).metadata?.resourceVersion;
    if (version === undefined) throw new ApiError(0, "an event has no resourceVersion");
    if (type === "ADDED" || type === "MODIFIED") this.#put(trimmed(object));
    else if (type === "DELETED") this.#remove(keyOf(object as KubeObject));
    this.#version = version;
  }

  /** @returns its key. */
  #put(object: KubeObject): string {
    const { keep } = this.#options;
    const key = keyOf(object);
    const version = `${object.metadata.uid} ${object.metadata.resourceVersion}`;
    // An object that did not change stays the same one.
    if (this.#kept.get(key) === version) return key;
    if (keep.wants?.(key) === false) return key;
    this.#kept.set(key, version);
    keep.put(key, object);
    return key;
  }

  #remove(key: string): void {
    if (this.#kept.delete(key)) this.#options.keep.remove(key);
  }

  #signal(): AbortSignal {
    return AbortSignal.any([this.#stop.signal, this.#round.signal]);
  }

  #query(parameters: Readonly<Record<string, string>>): string {
    const { fieldSelector } = this.#options;
    return String(
      new URLSearchParams({ ...parameters, ...(fieldSelector !== undefined && { fieldSelector }) }),
    );
  }

  /** @param least in milliseconds. Beyond it, other objects that are wanted end it. */
  async #pause(least: number): Promise<void> {
    const { first, last } = this.#times;
    const wait = Math.max(least, backoff([first, last], this.#failures++, this.#options.random));
    await sleep(least, undefined, { signal: this.#stop.signal }).catch(() => {});
    const signal = this.#signal();
    this.#wait = new AbortController();
    await sleep(wait - least, undefined, { signal: AbortSignal.any([signal, this.#wait.signal]) }).catch(
      () => {},
    );
    const { retries, isUrgent } = this.#options;
    // One that has failed again has spent its token.
    this.#isRetrying = false;
    await retries?.turn(signal, isUrgent).then(
      () => {
        this.#isRetrying = true;
      },
      () => {},
    );
  }

  #succeeded(): void {
    if (this.#isRetrying) this.#options.retries?.giveBack();
    this.#isRetrying = false;
  }
}

interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, (error as Error).message, 0, error);
