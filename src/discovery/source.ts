import type { Result } from "../lib/result.ts";
import type { Backend } from "../model/backend.ts";

/** Why a pool's backends could not be found out. */
export interface DiscoveryError {
  /** A sentence with name, server and cause: `api.internal: SERVFAIL from 10.0.0.2:53`. */
  readonly message: string;
  /** What is served meanwhile: the last good set, or nothing because there was none or its hold time has passed. */
  readonly serving: "last-good" | "nothing";
}

/**
 * Where a pool's backends come from.
 *
 * `watch` yields the whole set each time it changes, and an error each time that finding it out failed; a set equal
 * to the last one is yielded again only after an error, to say that all is well again. An empty set is yielded only where the source means it (hold time passed).
 * It never throws, never yields a backend twice in a set, and ends (without an error) soon after `signal` aborts.
 */
export interface DiscoverySource {
  watch(signal: AbortSignal): AsyncIterable<Result<readonly Backend[], DiscoveryError>>;
}
