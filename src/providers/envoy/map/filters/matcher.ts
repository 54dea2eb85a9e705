import { errorAt } from "../../../../lib/findings.ts";
import type { Condition } from "../../../../model/http/condition.ts";
import type { AccessRule, AccessRules } from "../../../../model/http/guard.ts";
import type { Node, UnknownExtension } from "../../node.ts";
import { mapCidrs } from "../address.ts";
import type { Mapping } from "../context.ts";
import { mapString } from "../match.ts";

/** An `xds.type.matcher.v3.Matcher` whose actions allow and deny: a list of rules. Nobody whom it does not match comes in. */
export async function mapMatcherRules(
  matcher: Node,
  name: string,
  mapping: Mapping,
): Promise<AccessRules | undefined> {
  const rules: AccessRule[] = [];
  const list = matcher.node("matcher_list");
  if (list === undefined && matcher.has("matcher_tree")) {
    mapping.report(errorAt(matcher.at("matcher_tree"), "is not supported; expected matcher_list"));
    return undefined;
  }
  for (const [index, each] of (list?.nodes("matchers") ?? []).entries()) {
    const predicate = each.node("predicate");
    const when = predicate && (await mapPredicate(predicate, mapping));
    const action = actionOf(each.node("on_match"), mapping);
    if (when === undefined || action === undefined) return undefined;
    rules.push({ name: action.name || String(index), when, allows: action.allows });
  }
  const last = matcher.node("on_no_match");
  const otherwise = last === undefined ? { allows: false } : actionOf(last, mapping);
  return otherwise && { kind: "rules", name, rules, otherwise: otherwise.allows };
}

function actionOf(
  match: Node | undefined,
  { report }: Mapping,
): { name: string; allows: boolean } | undefined {
  const action = match?.node("action")?.extension("typed_config");
  if (action !== undefined && "type" in action && action.kind === "Action") {
    const does = action.text("action") || "ALLOW";
    if (does !== "LOG") return { name: action.text("name"), allows: does === "ALLOW" };
  }
  if (match !== undefined) report(errorAt(match.path, "expected an action of RBAC that allows or denies"));
  return undefined;
}

async function mapPredicate(predicate: Node, mapping: Mapping): Promise<Condition | undefined> {
  const single = predicate.node("single_predicate");
  if (single !== undefined) return mapSingle(single, mapping);
  for (const [key, kind] of [
    ["or_matcher", "some"],
    ["and_matcher", "all"],
  ] as const) {
    const parts = predicate.node(key)?.nodes("predicate");
    if (parts === undefined) continue;
    const of = await Promise.all(parts.map((part) => mapPredicate(part, mapping)));
    return of.every((each) => each !== undefined) ? { kind, of: of as Condition[] } : undefined;
  }
  const not = predicate.node("not_matcher");
  const of = not && (await mapPredicate(not, mapping));
  if (of !== undefined) return { kind: "not", of };
  if (not === undefined) mapping.report(errorAt(predicate.path, "expected a predicate"));
  return undefined;
}

async function mapSingle(single: Node, mapping: Mapping): Promise<Condition | undefined> {
  const input = single.node("input")?.extension("typed_config");
  const value = single.node("value_match");
  const custom = single.node("custom_match")?.extension("typed_config");
  const condition = await mapInput(input, value, custom, mapping);
  if (condition === "unknown") {
    mapping.report(errorAt(single.path, "has an input or a matcher that umay does not have"));
    return undefined;
  }
  return condition;
}

type Config = Node | UnknownExtension | undefined;

const certificateNames: Readonly<Record<string, "uri" | "dns" | "subject">> = {
  UriSanInput: "uri",
  DnsSanInput: "dns",
  SubjectInput: "subject",
};

async function mapInput(
  input: Config,
  value: Node | undefined,
  custom: Config,
  mapping: Mapping,
): Promise<Condition | undefined | "unknown"> {
  if (input === undefined || !("type" in input)) return "unknown";
  const { kind } = input;
  if (value !== undefined) {
    const test = await mapString(value, mapping);
    if (test === undefined) return undefined;
    if (kind === "HttpRequestHeaderMatchInput")
      return { kind: "header", match: { name: input.text("header_name").toLowerCase(), test, not: false } };
    if (kind === "ServerNameInput") return { kind: "server-name", test };
    const of = certificateNames[kind];
    return of === undefined ? "unknown" : { kind: "certificate", test, of };
  }
  if (custom === undefined || !("type" in custom) || custom.kind !== "Ip") return "unknown";
  const ranges = mapCidrs(custom.nodes("cidr_ranges"), mapping);
  if (kind === "SourceIPInput") return { kind: "client", ranges };
  if (kind === "DirectSourceIPInput") return { kind: "peer", ranges };
  return kind === "DestinationIPInput" ? { kind: "local", ranges } : "unknown";
}
