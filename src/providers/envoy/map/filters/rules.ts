import { warningAt } from "../../../../lib/findings.ts";
import type { Condition } from "../../../../model/http/condition.ts";
import type { AccessRule, AccessRules } from "../../../../model/http/guard.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { mapPermission, mapPrincipal } from "./conditions.ts";
import { mapMatcherRules } from "./matcher.ts";
import type { ApplyFilter } from "./registry.ts";

/** `RBAC`: rules in policies, or in a matcher's tree. */
export const applyRules: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  const from = own === undefined ? config : own.node("rbac");
  if (from === undefined) return;
  const guard = await guards.nameOf(from, "rules", name, (label) => rulesOf(from, label, mapping));
  if (guard !== undefined) parts.guards.push([guard]);
};

async function rulesOf(from: Node, name: string, mapping: Mapping): Promise<AccessRules | undefined> {
  const matcher = from.node("matcher");
  if (matcher !== undefined) return mapMatcherRules(matcher, name, mapping);
  const rules = from.node("rules");
  if (rules === undefined) return undefined;
  const action = rules.text("action") || "ALLOW";
  if (action === "LOG") {
    mapping.report(warningAt(rules.at("action"), "LOG has no effect: umay's log has every request"));
    return undefined;
  }
  const allows = action === "ALLOW";
  const mapped: AccessRule[] = [];
  // In Envoy's order, which is that of their names.
  for (const [policy, node] of [...rules.map("policies")].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!("type" in node)) continue;
    const when = await conditionOf(node, mapping);
    if (when === undefined) return undefined;
    mapped.push({ name: policy, when, allows });
  }
  return { kind: "rules", name, rules: mapped, otherwise: !allows };
}

/** A `Policy`: one of its permissions, and one of its principals. */
async function conditionOf(policy: Node, mapping: Mapping): Promise<Condition | undefined> {
  const permissions = await Promise.all(
    policy.nodes("permissions").map((each) => mapPermission(each, mapping)),
  );
  const principals = await Promise.all(policy.nodes("principals").map((each) => mapPrincipal(each, mapping)));
  const parts = [some(permissions), some(principals)];
  return parts.every((part) => part !== undefined) ? { kind: "all", of: parts as Condition[] } : undefined;
}

/** @returns undefined where one of them could not be mapped. */
const some = (of: readonly (Condition | undefined)[]): Condition | undefined =>
  of.every((each) => each !== undefined) ? { kind: "some", of: of as readonly Condition[] } : undefined;
