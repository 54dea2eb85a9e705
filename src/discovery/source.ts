import type { Result } from "../lib/result.ts";
import type { Backend } from "../model/backend.ts";

/** Why discovery of a pool's backends failed. */
export interface DiscoveryError {
  /** A sentence with name, server and cause: `api.internal: SERVFAIL from 10.0.0.2:53`. */
  readonly message: string;
  /** Meanwhile the last good set is served, or nothing: there was none, or its hold time has passed. */
  readonly serving: "last-good" | "nothing";
}

/**
 * Finds a pool's backends.
 *
 * `watch` yields the whole set each time it changes, and an error each time discovery fails. After an error it yields an
 * equal set again, to say that the outage is over. It yields an empty set only on purpose (hold time passed). It never
 * throws, never yields a backend twice in a set, and ends (without an error) soon after `signal` aborts.
 */
export interface DiscoverySource {
  watch(signal: AbortSignal): AsyncIterable<Result<readonly Backend[], DiscoveryError>>;
}
