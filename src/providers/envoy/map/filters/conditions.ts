import { errorAt } from "../../../../lib/findings.ts";
import type { Condition } from "../../../../model/http/condition.ts";
import type { Node } from "../../node.ts";
import { mapCidrs } from "../address.ts";
import type { Mapping } from "../context.ts";
import { mapHeader, mapString } from "../match.ts";

type Mapped = Promise<Condition | undefined>;

/** Conditions that permissions and principals have in common. @returns undefined after an error. */
async function mapCommon(
  rule: Node,
  again: (rule: Node, mapping: Mapping) => Mapped,
  keys: Keys,
  mapping: Mapping,
): Mapped {
  for (const [key, kind] of [
    [keys.and, "all"],
    [keys.or, "some"],
  ] as const) {
    const set = rule.node(key);
    if (set === undefined) continue;
    const of = await Promise.all(set.nodes(keys.list).map((each) => again(each, mapping)));
    return of.every((each) => each !== undefined) ? { kind, of: of as Condition[] } : undefined;
  }
  const not = rule.node(keys.not);
  if (not !== undefined) {
    const of = await again(not, mapping);
    return of && { kind: "not", of };
  }
  if (rule.flag("any") === true) return { kind: "any" };
  const header = rule.node("header");
  if (header !== undefined) {
    const match = await mapHeader(header, mapping);
    return match && { kind: "header", match };
  }
  const path = rule.node("url_path")?.node("path");
  if (path !== undefined) {
    const test = await mapString(path, mapping);
    return test && { kind: "path", test };
  }
  mapping.report(errorAt(rule.path, "is a condition that umay can't evaluate"));
  return undefined;
}

interface Keys {
  readonly and: string;
  readonly or: string;
  readonly not: string;
  readonly list: string;
}

const permissionKeys: Keys = { and: "and_rules", or: "or_rules", not: "not_rule", list: "rules" };
const principalKeys: Keys = { and: "and_ids", or: "or_ids", not: "not_id", list: "ids" };

/** A `Permission`: what is done. */
export async function mapPermission(rule: Node, mapping: Mapping): Mapped {
  const local = rule.node("destination_ip");
  if (local !== undefined) return { kind: "local", ranges: mapCidrs([local], mapping) };
  const port = rule.number("destination_port");
  if (port !== undefined) return { kind: "local-port", from: port, to: port };
  const ports = rule.node("destination_port_range");
  if (ports !== undefined)
    return { kind: "local-port", from: ports.number("start") ?? 0, to: (ports.number("end") ?? 65_536) - 1 };
  const name = rule.node("requested_server_name");
  if (name !== undefined) {
    const test = await mapString(name, mapping);
    return test && { kind: "server-name", test };
  }
  return mapCommon(rule, mapPermission, permissionKeys, mapping);
}

/** A `Principal`: who does it. */
export async function mapPrincipal(rule: Node, mapping: Mapping): Mapped {
  const client = rule.node("remote_ip");
  if (client !== undefined) return { kind: "client", ranges: mapCidrs([client], mapping) };
  const source = rule.node("source_ip");
  if (source !== undefined) return { kind: "source", ranges: mapCidrs([source], mapping) };
  const peer = rule.node("direct_remote_ip");
  if (peer !== undefined) return { kind: "peer", ranges: mapCidrs([peer], mapping) };
  const authenticated = rule.node("authenticated");
  if (authenticated !== undefined) {
    const matcher = authenticated.node("principal_name");
    if (matcher === undefined) return { kind: "certificate", test: undefined };
    const test = await mapString(matcher, mapping);
    return test && { kind: "certificate", test };
  }
  return mapCommon(rule, mapPrincipal, principalKeys, mapping);
}
