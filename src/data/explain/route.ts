import type { RouteExplanation, RouteMismatch, RouteTrial } from "../../model/explanation.ts";
import type { Route } from "../../model/listener.ts";
import { type RouteRequest, Router } from "../decide/router.ts";

/** Of ten thousand routes nobody reads more. */
const mostTrials = 100;

/** What was asked of routes with `passthrough`, and what was asked of the others. */
export interface RouteRequests {
  /** Undefined: the hello was not read. */
  readonly hello: RouteRequest | undefined;
  /** Undefined: TLS is passed through, by what the hello says. */
  readonly session: RouteRequest | undefined;
}

/** Says of each route up to `match` why it does not match. @param pool that of the listener. */
export function explainRoutes(
  routes: readonly Route[],
  match: Route | undefined,
  requests: RouteRequests,
  pool: string,
): RouteExplanation {
  const matched = match === undefined ? undefined : routes.indexOf(match);
  const looked = matched === undefined ? routes : routes.slice(0, matched + 1);
  const shown = looked.length > mostTrials ? looked.slice(0, mostTrials - 1) : [...looked];
  const trials = shown.map((route, index) => trial(route, index, route === match, requests));
  // However many come before it, the one that matches is shown.
  if (shown.length < looked.length && match !== undefined)
    trials.push(trial(match, matched!, true, requests));
  return {
    pool: match?.pool ?? pool,
    matched: matched === undefined ? null : matched + 1,
    routes: trials,
    more: looked.length - trials.length,
  };
}

function trial(route: Route, index: number, matches: boolean, requests: RouteRequests): RouteTrial {
  const { sni, alpn, protocol, pool, passthrough } = route;
  const mismatches = matches ? [] : mismatchesOf(route, requests);
  return { number: index + 1, sni, alpn, protocol, pool, passthrough, mismatches };
}

const conditions = ["sni", "alpn", "protocol"] as const;
const unconditional = { sni: [], alpn: [], protocol: [] } as const;

/** Asks the router of the data path about each condition alone. */
function mismatchesOf(route: Route, { hello, session }: RouteRequests): RouteMismatch[] {
  const request = route.passthrough || session === undefined ? hello : session;
  if (request === undefined) return ["hello"];
  const failed = conditions.filter(
    (condition) =>
      new Router([{ ...route, ...unconditional, [condition]: route[condition] }]).find(request) === undefined,
  );
  // It matched the hello, but an earlier one that is not passed through did, too.
  return failed.length === 0 ? ["hello"] : failed;
}
