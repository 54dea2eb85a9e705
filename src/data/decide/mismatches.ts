import { anyConnection, type Chain, type Rule } from "../../model/chain.ts";
import type { RouteMismatch } from "../../model/explanation.ts";
import type { RouteRequests } from "./reception.ts";
import { Router } from "./router.ts";

const conditions = ["sni", "alpn", "protocol", "from", "port"] as const;

/** Why a rule was not chosen that comes before the chosen chain: which of its conditions do not hold. */
export function mismatchesOf(
  { chains }: Rule,
  chosen: Chain,
  { hello, session }: RouteRequests,
): readonly RouteMismatch[] {
  // Only chains that do the same with TLS could have been chosen instead of it when the hello was over.
  const rival = chains.some(({ tls, settings }) => tls === chosen.tls && settings === chosen.settings);
  const request = rival && session !== undefined ? session : hello;
  if (request === undefined) return ["hello"];
  const [chain] = chains;
  const failed = conditions.filter((condition) => {
    const match = { ...anyConnection, [condition]: chain.match[condition] };
    return new Router([{ ...chain, match }]).find(request) === undefined;
  });
  // It matched the hello, but an earlier one that is not passed through did, too.
  return failed.length === 0 ? ["hello"] : failed;
}
