import type { HttpRefusal } from "../../../model/http/refusals.ts";
import type { Rule } from "../../../model/http/route-table.ts";
import type { CompiledRoute } from "./compiled-route.ts";
import { preflightOf } from "./cors.ts";
import type { RedirectFacts } from "./redirect.ts";
import type { RoutedRequest, Routing } from "./routing.ts";

/** All that a decision about a request looks at. */
export interface DecidedRequest extends RoutedRequest, RedirectFacts {
  /** The client's IP address; empty for a unix socket's. */
  readonly client: string;
  readonly upgrade: "" | "websocket";
  /** The TLS of its connection is for another host, see `isMisdirected` of `misdirected.ts`. */
  readonly isMisdirected: boolean;
}

/** The decision about a request. The rule that took it says why. */
export type Decision =
  | {
      readonly kind: "refuse";
      readonly reason: HttpRefusal;
      /** The rule that took it; undefined: none did. */
      readonly rule: Rule<CompiledRoute> | undefined;
      /** The routes of its two readings, where they differ. */
      readonly readings: readonly [string, string] | undefined;
    }
  | { readonly kind: "redirect"; readonly rule: Rule<CompiledRoute>; readonly location: string }
  | { readonly kind: "respond"; readonly rule: Rule<CompiledRoute> }
  /** A browser asks whether a page may make a request; fields of the answer, as lines. */
  | {
      readonly kind: "preflight";
      readonly rule: Rule<CompiledRoute>;
      readonly lines: string;
      readonly isAllowed: boolean;
    }
  | {
      readonly kind: "forward";
      readonly rule: Rule<CompiledRoute>;
      /** As it is sent, without the query. */
      readonly path: string;
    };

export function decide(routing: Routing, request: DecidedRequest): Decision {
  // First: what another host's routes are is nobody's business here.
  if (routing.refusesMisdirected && request.isMisdirected) return refuse("misdirected");
  return (routing.hasCors ? decidePreflight(routing, request) : undefined) ?? decideRequest(routing, request);
}

/**
 * A preflight is answered by the route of the request that it is about, without a guard: it has no credentials.
 * @returns undefined where a request is none, or its route leaves them to backends.
 */
function decidePreflight(routing: Routing, request: DecidedRequest): Decision | undefined {
  const preflight = preflightOf(request);
  if (preflight === undefined) return undefined;
  const rule = routing.find(request, preflight.method);
  if (typeof rule === "string" || "ambiguous" in rule) return undefined;
  const { access, cors } = rule.route;
  if (cors === undefined) return undefined;
  if (!access.admits(request.client)) return refuse("denied", rule);
  const lines = cors.preflightLines(preflight);
  return { kind: "preflight", rule, lines, isAllowed: cors.allows(preflight.origin) };
}

function decideRequest(routing: Routing, request: DecidedRequest): Decision {
  const rule = routing.find(request);
  if (typeof rule === "string") return refuse(rule);
  if ("ambiguous" in rule) return { ...refuse("ambiguous_path"), readings: rule.ambiguous };
  return follow(rule, request);
}

/** The same decision about a request that has changed since, as far as that makes a difference. */
export const decideAgain = (decision: Decision, request: DecidedRequest): Decision =>
  decision.kind === "forward" || decision.kind === "redirect" ? follow(decision.rule, request) : decision;

function follow(rule: Rule<CompiledRoute>, request: DecidedRequest): Decision {
  const { route } = rule;
  const { action, upgrades } = route.definition;
  if (!route.access.admits(request.client)) return refuse("denied", rule);
  if (action.kind === "respond") return { kind: "respond", rule };
  if (route.locationOf !== undefined) {
    const location = route.locationOf(request, rule.match.path);
    return location === undefined ? refuse("host_missing", rule) : { kind: "redirect", rule, location };
  }
  if (request.upgrade !== "" && !upgrades.includes(request.upgrade)) return refuse("upgrade_refused", rule);
  const path =
    route.rewritePath === undefined ? request.path : route.rewritePath(request.path, rule.match.path);
  return path === undefined ? refuse("bad_rewrite", rule) : { kind: "forward", rule, path };
}

function refuse(reason: HttpRefusal, rule?: Rule<CompiledRoute>): Extract<Decision, { kind: "refuse" }> {
  return { kind: "refuse", reason, rule, readings: undefined };
}
