import type { Logger } from "pino";
import { sameBackends } from "../discovery/backends.ts";
import type { DiscoveryError, DiscoverySource } from "../discovery/source.ts";
import type { Result } from "../lib/result.ts";
import type { Backend } from "../model/backend.ts";

/** Where a pool's backends stand. */
export interface PoolState {
  /** Whether discovery ever found a backend. */
  everFound: boolean;
  errors: number;
  /** The last error, until discovery succeeds again. */
  lastError: string | undefined;
}

export interface PoolWatch {
  readonly states: ReadonlyMap<string, PoolState>;
  /** Settles when every pool has had its first answer, good or bad. */
  readonly firstAnswers: Promise<unknown>;
}

/** Follows the discovery of every pool until `signal` aborts, and hands on each set of backends. */
export function watchPools(
  sources: ReadonlyMap<string, DiscoverySource>,
  onBackends: (pool: string, backends: readonly Backend[]) => void,
  logger: Logger,
  signal: AbortSignal,
): PoolWatch {
  const states = new Map<string, PoolState>();
  const firstAnswers: Promise<void>[] = [];
  for (const [pool, source] of sources) {
    const state: PoolState = { everFound: false, errors: 0, lastError: undefined };
    states.set(pool, state);
    const first = Promise.withResolvers<void>();
    firstAnswers.push(first.promise);
    let served: readonly Backend[] = [];
    const onResult = (result: Result<readonly Backend[], DiscoveryError>): void => {
      if (result.ok) {
        state.everFound ||= result.value.length > 0;
        state.lastError = undefined;
        const changed = !sameBackends(result.value, served);
        served = result.value;
        logger.info(
          { pool, backends: served.map((backend) => backend.address) },
          changed ? "backends of a pool changed" : "discovery works again; backends are as before",
        );
        if (changed) onBackends(pool, served);
      } else {
        state.errors++;
        state.lastError = result.error.message;
        logger.warn({ pool, serving: result.error.serving }, `discovery failed: ${result.error.message}`);
      }
      first.resolve();
    };
    void follow(source, onResult, signal).catch((error: unknown) => {
      state.lastError = String(error);
      logger.error({ pool, err: error }, "discovery stopped: this is a defect of umay");
      first.resolve();
    });
  }
  return { states, firstAnswers: Promise.all(firstAnswers) };
}

async function follow(
  source: DiscoverySource,
  onResult: (result: Result<readonly Backend[], DiscoveryError>) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const result of source.watch(signal)) if (!signal.aborted) onResult(result);
}
