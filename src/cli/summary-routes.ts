import { servesOf } from "../model/check/http/routes.ts";
import type { GuardGroups } from "../model/http/guard.ts";
import { describeAction, describeMatch } from "../model/http/words.ts";
import type { Model } from "../model/model.ts";

/** The rules of a table in the order in which they are asked. */
export interface RouteTableSummary {
  readonly name: string;
  readonly listeners: readonly string[];
  readonly rules: readonly {
    /** `*`: any host. */
    readonly host: string;
    readonly match: string;
    readonly route: string;
    readonly priority: number;
    readonly action: string;
    /** Its requests have to get past one of each. */
    readonly guards: GuardGroups;
  }[];
}

export function summariseRoutes({ listeners, routeTables }: Model): RouteTableSummary[] {
  return routeTables.map(({ name, hosts }) => ({
    name,
    listeners: listeners
      .filter((listener) => servesOf(listener).some(({ routes }) => routes === name))
      .map((listener) => listener.name),
    rules: hosts.flatMap(({ name: host, rules }) =>
      rules.map(({ match, route }) => ({
        host,
        match: describeMatch(match),
        route: route.name,
        priority: route.priority,
        action: describeAction(route.action),
        guards: route.guards,
      })),
    ),
  }));
}

/** Of more, nobody reads all; `--json` has them. */
const mostRules = 100;

export function routeLines({ listeners, rules }: RouteTableSummary): string[] {
  if (rules.length === 0) return [];
  const shown = rules.slice(0, mostRules);
  const lines = shown.map(({ host, match, route, priority, action, guards }) => {
    const first = priority === 0 ? "" : `, priority ${priority}`;
    const behind =
      guards.length === 0 ? "" : `, behind ${guards.map((group) => group.join(" or ")).join(", ")}`;
    return `    ${host === "*" ? "any host" : host}: ${match} to ${action} (route ${route}${first}${behind})`;
  });
  const more = rules.length - shown.length;
  return [
    `  routes of ${listeners.join(", ")}, the first that matches wins`,
    ...lines,
    ...(more > 0 ? [`    and ${more} more; --json has all`] : []),
  ];
}
