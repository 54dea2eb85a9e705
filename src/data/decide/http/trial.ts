import type { Regexes } from "../../../lib/regex.ts";
import type { RequestMatch } from "../../../model/http/match.ts";
import type { HttpRoute } from "../../../model/http/route.ts";
import { compileRoute } from "./compiled-route.ts";
import { HostRules } from "./rules.ts";

/*
 * Compiles parts of a route table as a worker does: one that a worker could not compile would keep every change from being
 * served. Both throw what it would.
 */

export function tryMatch(match: RequestMatch, regexes: Regexes): void {
  new HostRules([{ match, route: undefined }], (pattern, ignoreCase) => regexes.whole(pattern, ignoreCase));
}

export function tryRoute(route: HttpRoute, regexes: Regexes): void {
  compileRoute(route, regexes);
}
