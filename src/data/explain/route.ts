import { type Chain, isForPassthrough, modeOf, type Rule, relayTarget, rulesOf } from "../../model/chain.ts";
import type { RouteExplanation, RouteMismatch, RouteTrial } from "../../model/explanation.ts";
import type { Listener } from "../../model/listener.ts";
import { type RouteRequest, Router } from "../decide/router.ts";
import { mainPool } from "../decide/target.ts";

/** Of ten thousand routes nobody reads more. */
const mostTrials = 100;

/** What was asked of chains that pass TLS through, and what was asked of the others. */
export interface RouteRequests {
  /** Undefined: the hello was not read. */
  readonly hello: RouteRequest | undefined;
  /** Undefined: TLS is passed through, by what the hello says. */
  readonly session: RouteRequest | undefined;
}

/**
 * Says of each rule up to the one that was chosen why it does not match. The last rule of a listener is what it does
 * otherwise, and not told of as a route. @param chosen one of its chains.
 */
export function explainRoutes(
  { chains, detect }: Pick<Listener, "chains" | "detect">,
  chosen: Chain,
  requests: RouteRequests,
): RouteExplanation {
  const rules = rulesOf(chains);
  const mode = modeOf(rules);
  const routes = rules.slice(0, -1);
  const index = routes.findIndex(({ name }) => name === chosen.name);
  const looked = index === -1 ? routes : routes.slice(0, index + 1);
  const shown = looked.length > mostTrials ? looked.slice(0, mostTrials - 1) : looked;
  const trial = (rule: Rule, number: number): RouteTrial => {
    const [{ match, serve }] = rule.chains;
    const mismatches = rule.name === chosen.name ? [] : mismatchesOf(rule, chosen, requests);
    const passthrough = isForPassthrough(rule, mode, detect);
    return { number, ...match, pool: mainPool(relayTarget(serve)), passthrough, mismatches };
  };
  const trials = shown.map((rule, before) => trial(rule, before + 1));
  // However many come before it, the one that matches is shown.
  if (shown.length < looked.length && index !== -1) trials.push(trial(looked[index]!, index + 1));
  return {
    pool: mainPool(relayTarget(chosen.serve)),
    matched: index === -1 ? null : index + 1,
    routes: trials,
    more: looked.length - trials.length,
  };
}

const conditions = ["sni", "alpn", "protocol"] as const;
const unconditional = { sni: [], alpn: [], protocol: [] } as const;

/** Asks the router of the data path about each condition alone. */
function mismatchesOf({ chains }: Rule, chosen: Chain, { hello, session }: RouteRequests): RouteMismatch[] {
  // Only chains that do the same with TLS could have been chosen instead of it when the hello was over.
  const rival = chains.some(({ tls }) => tls === chosen.tls);
  const request = rival && session !== undefined ? session : hello;
  if (request === undefined) return ["hello"];
  const [chain] = chains;
  const failed = conditions.filter((condition) => {
    const match = { ...unconditional, [condition]: chain.match[condition] };
    return new Router([{ ...chain, match }]).find(request) === undefined;
  });
  // It matched the hello, but an earlier one that is not passed through did, too.
  return failed.length === 0 ? ["hello"] : failed;
}
