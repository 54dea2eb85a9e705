import {
  type Chain,
  chainMatchTexts,
  isForPassthrough,
  modeOf,
  type Rule,
  relayTarget,
  rulesOf,
} from "../../model/chain.ts";
import type { RouteExplanation, RouteTrial } from "../../model/explanation.ts";
import type { Listener } from "../../model/listener.ts";
import { mismatchesOf } from "../decide/mismatches.ts";
import type { RouteRequests } from "../decide/reception.ts";
import { mainPool } from "../decide/target.ts";

/** Nobody reads more of ten thousand routes. */
const mostTrials = 100;

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
    return { number, ...chainMatchTexts(match), pool: mainPool(relayTarget(serve)), passthrough, mismatches };
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
