import type { HttpRoute, HttpRouteTable } from "../../http/route.ts";
import { routesOf } from "../../http/route.ts";
import type { Rule } from "../../http/route-table.ts";
import type { ModelFinding } from "../finding.ts";
import { Coverers, equal } from "./cover.ts";

/** Rules of a table that take nothing, because others take all that they would: equal ones, and ones that come first. */
export function checkRules(table: HttpRouteTable): readonly ModelFinding[] {
  const findings: ModelFinding[] = [];
  const reached = new Set<HttpRoute>();
  const takers = new Map<HttpRoute, string>();
  const said = new Set<string>();
  for (const { name: host, rules } of table.hosts) {
    const before = new Coverers<Rule<HttpRoute>>();
    for (const rule of rules) {
      const { route } = rule;
      const taker = before.find(rule.match);
      before.add(rule);
      if (taker === undefined) reached.add(route);
      else if (isAmbiguous(taker, rule)) {
        const pair = `${taker.route.name} ${route.name}`;
        if (!said.has(pair))
          findings.push({
            kind: "equal_matches",
            path: ["routes", route.name],
            other: taker.route.name,
            host,
          });
        said.add(pair);
        reached.add(route);
      } else takers.set(route, taker.route.name);
    }
  }
  for (const route of routesOf(table)) {
    const by = takers.get(route);
    if (by === undefined) continue;
    if (!reached.has(route)) findings.push({ kind: "never_reached", path: ["routes", route.name], by });
  }
  return findings;
}

/** Whether nothing but their names says which of two rules comes first. */
function isAmbiguous(first: Rule<HttpRoute>, second: Rule<HttpRoute>): boolean {
  return (
    first.route !== second.route &&
    first.route.priority === second.route.priority &&
    equal(first.match, second.match)
  );
}
