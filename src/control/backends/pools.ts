import type { Logger } from "pino";
import { sameBackends } from "../../discovery/backends.ts";
import type { DiscoveryError, DiscoverySource } from "../../discovery/source.ts";
import type { Result } from "../../lib/result.ts";
import type { Backend } from "../../model/backend.ts";

/** Where a pool's backends stand. */
export interface PoolState {
  /** Whether discovery ever found a backend. */
  everFound: boolean;
  errors: number;
  /** The last error, until discovery succeeds again. */
  lastError: string | undefined;
}

/** The discovery of one pool that is followed, and not yet listened to. */
export interface Staged {
  /** Settles when there is a first answer, good or bad. */
  readonly firstAnswer: Promise<void>;
  /** The set that was found last; undefined: none was. */
  found(): readonly Backend[] | undefined;
  /** It takes its place: from now on each further set is handed on. */
  commit(): void;
  abandon(): void;
}

/** Follows the discovery of every pool, and hands on each set of backends. */
export class PoolWatches {
  readonly #onBackends: (pool: string, backends: readonly Backend[]) => void;
  readonly #logger: Logger;
  readonly #states = new Map<string, PoolState>();
  readonly #followed = new Map<string, AbortController>();
  #stopped = false;

  constructor(onBackends: (pool: string, backends: readonly Backend[]) => void, logger: Logger) {
    this.#onBackends = onBackends;
    this.#logger = logger;
  }

  /** By pool. */
  get states(): ReadonlyMap<string, Readonly<PoolState>> {
    return this.#states;
  }

  /** Follows a source that is to take the place of the pool's present one, if it has one. */
  stage(pool: string, source: DiscoverySource): Staged {
    const { errors = 0, everFound = false } = this.#states.get(pool) ?? {};
    const state: PoolState = { everFound, errors, lastError: undefined };
    const stop = new AbortController();
    const first = Promise.withResolvers<void>();
    let committed = false;
    let found: readonly Backend[] | undefined;
    const onResult = (result: Result<readonly Backend[], DiscoveryError>): void => {
      const changed = this.#note(pool, state, result, found);
      if (result.ok) found = result.value;
      if (changed && committed) this.#onBackends(pool, found!);
      first.resolve();
    };
    void follow(source, onResult, stop.signal).catch((error: unknown) => {
      state.lastError = String(error);
      this.#logger.error({ pool, err: error }, "discovery stopped: this is a defect of umay");
      first.resolve();
    });
    return {
      firstAnswer: first.promise,
      found: () => found,
      commit: () => {
        committed = true;
        this.leave(pool);
        this.#followed.set(pool, stop);
        this.#states.set(pool, state);
        if (this.#stopped) stop.abort();
      },
      abandon: () => stop.abort(),
    };
  }

  leave(pool: string): void {
    this.#followed.get(pool)?.abort();
    this.#followed.delete(pool);
    this.#states.delete(pool);
  }

  /** Nothing is followed any more; what was found stays known. */
  stop(): void {
    this.#stopped = true;
    for (const stop of this.#followed.values()) stop.abort();
  }

  /** @returns whether there are other backends than before. */
  #note(
    pool: string,
    state: PoolState,
    result: Result<readonly Backend[], DiscoveryError>,
    before: readonly Backend[] | undefined,
  ): boolean {
    if (!result.ok) {
      state.errors++;
      state.lastError = result.error.message;
      this.#logger.warn({ pool, serving: result.error.serving }, `discovery failed: ${result.error.message}`);
      return false;
    }
    state.everFound ||= result.value.length > 0;
    state.lastError = undefined;
    const changed = before === undefined || !sameBackends(result.value, before);
    this.#logger.info(
      { pool, backends: result.value.map((backend) => backend.address) },
      changed ? "backends of a pool changed" : "discovery works again; backends are as before",
    );
    return changed;
  }
}

async function follow(
  source: DiscoverySource,
  onResult: (result: Result<readonly Backend[], DiscoveryError>) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const result of source.watch(signal)) if (!signal.aborted) onResult(result);
}
