import { anyConnection, type Chain, type ChainMatch } from "../../src/model/chain.ts";

/** A chain that relays to a pool; its name is the pool's, and every condition that is not given holds. */
export function chainTo(
  pool: string,
  match: Partial<ChainMatch> = {},
  rest: Partial<Omit<Chain, "match">> = {},
): Chain {
  return {
    name: pool,
    match: { ...anyConnection, ...match },
    tls: undefined,
    settings: rest.tls === "terminate" ? "tls" : undefined,
    serve: { kind: "relay", to: [{ pool, weight: 1 }] },
    timeouts: { idle: 1, halfClose: 1, stall: 1 },
    ...rest,
  };
}
