/**
 * The most of some things that a cluster may have, a little less than umay has room for. More of them are refused for
 * themselves: with one too many, workers would serve nothing new at all.
 */
export const room = {
  /** Auths and rate limits. */
  guards: 1_000,
  /** Rules of routes, of all kinds. */
  rules: 16_000,
} as const;
