import type { Condition } from "../../../../model/http/condition.ts";
import type { AccessRules } from "../../../../model/http/guard.ts";
import type { TextTest } from "../../../../model/http/match.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { runtimePercent } from "../fraction.ts";
import { mapString } from "../match.ts";
import type { ApplyFilter } from "./registry.ts";

/** `CsrfPolicy`: requests that change something come from pages of the host itself, or of those that are named. */
export const applyCsrf: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  const from = own ?? config;
  if ((runtimePercent(from.node("filter_enabled")) ?? 0) === 0) return;
  const guard = await guards.nameOf(from, "rules", name, (label) => rulesOf(from, label, mapping));
  if (guard !== undefined) parts.guards.push([guard]);
};

const changes: Condition = {
  kind: "some",
  of: ["POST", "PUT", "DELETE", "PATCH"].map((value) => ({
    kind: "header",
    match: { name: ":method", test: { kind: "exact", value, ignoreCase: false }, not: false },
  })),
};

async function rulesOf(from: Node, name: string, mapping: Mapping): Promise<AccessRules | undefined> {
  const others: TextTest[] = [];
  for (const matcher of from.nodes("additional_origins")) {
    const test = await mapString(matcher, mapping);
    if (test === undefined) return undefined;
    others.push(test);
  }
  const isForeign: Condition = { kind: "not", of: { kind: "same-origin", others } };
  const when: Condition = { kind: "all", of: [changes, isForeign] };
  return { kind: "rules", name, rules: [{ name: "foreign-origin", when, allows: false }], otherwise: true };
}
