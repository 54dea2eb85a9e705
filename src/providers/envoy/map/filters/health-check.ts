import { errorAt } from "../../../../lib/findings.ts";
import type { RequestMatch, ValueMatch } from "../../../../model/http/match.ts";
import type { HttpRoute } from "../../../../model/http/route.ts";
import type { Rule } from "../../../../model/http/route-table.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { mapHeader } from "../match.ts";
import type { Common } from "../route.ts";
import { applied, guarding } from "./registry.ts";

/** `HealthCheck`: rules in front of all others, which answer 200. */
export async function healthRules(
  filters: readonly Node[],
  { name }: Common,
  mapping: Mapping,
): Promise<readonly Rule<HttpRoute>[]> {
  const rules: Rule<HttpRoute>[] = [];
  let guard: string | undefined;
  for (const filter of filters) {
    const config = filter.extension("typed_config");
    if (config === undefined || !("type" in config)) continue;
    if (guarding.has(applied[config.type.name]?.apply)) guard ??= filter.text("name");
    if (config.kind !== "HealthCheck" || filter.flag("disabled") === true) continue;
    if (guard !== undefined) {
      mapping.report(
        errorAt(
          filter.path,
          `answers requests that filter ${JSON.stringify(guard)} has to see; put it in front`,
        ),
      );
      continue;
    }
    if (config.flag("pass_through_mode") !== false) {
      mapping.report(
        errorAt(config.path, "passes checks on, which umay does not treat apart; leave the filter out"),
      );
      continue;
    }
    const match = await matchOf(config, mapping);
    if (match !== undefined) rules.push({ match, route: routeOf(`${name}/${filter.text("name")}`, mapping) });
  }
  return rules;
}

async function matchOf(config: Node, mapping: Mapping): Promise<RequestMatch | undefined> {
  const headers: ValueMatch[] = [];
  let path: RequestMatch["path"];
  for (const each of config.nodes("headers")) {
    const header = await mapHeader(each, mapping);
    if (header === undefined) return undefined;
    const { test, not, name } = header;
    if (name === ":path" && test.kind === "exact" && !not)
      path = { kind: "exact", value: test.value, ignoreCase: test.ignoreCase };
    else headers.push(header);
  }
  return { path, methods: [], headers, query: [] };
}

const routeOf = (name: string, { defaults }: Mapping): HttpRoute => ({
  ...defaults.route,
  name,
  action: { kind: "respond", status: 200, content: undefined },
});
