import { isIP, isIPv6 } from "node:net";
import { bytesOf } from "../../../../lib/byte-text.ts";
import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { Condition } from "../../../../model/http/condition.ts";
import type { LimitKeyPart, LimitKeyValue } from "../../../../model/http/guard.ts";
import type { Node } from "../../node.ts";
import { mapCidrs } from "../address.ts";
import type { Mapping } from "../context.ts";
import { mapHeader, mapParameter } from "../match.ts";
import type { RouteParts } from "./parts.ts";

/** An entry of a descriptor: its value is known, or is a part of the request. */
export interface Entry {
  readonly key: string;
  readonly value: string | LimitKeyValue;
}

/** A way in which a `RateLimit` may describe a request: one at most of them is the request's. */
export interface Descriptor {
  readonly entries: readonly Entry[];
  readonly conditions: readonly Condition[];
}

/** Entries that may be left out multiply the ways. */
const mostWays = 64;

/** The descriptors that a `RateLimit` makes of the requests of a route. @returns none after an error. */
export async function mapDescriptors(
  limit: Node,
  parts: RouteParts,
  mapping: Mapping,
): Promise<readonly Descriptor[]> {
  let ways: readonly Descriptor[] = [{ entries: [], conditions: [] }];
  for (const action of limit.nodes("actions")) {
    const more = await waysOf(action, parts, mapping);
    if (more === undefined) return [];
    ways = ways.flatMap(({ entries, conditions }) =>
      more.map((way) => ({
        entries: [...entries, ...way.entries],
        conditions: [...conditions, ...way.conditions],
      })),
    );
    if (ways.length > mostWays) {
      mapping.report(errorAt(limit.at("actions"), `has more than ${mostWays} ways to describe a request`));
      return [];
    }
  }
  return ways;
}

const kinds = [
  "source_cluster",
  "destination_cluster",
  "request_headers",
  "query_parameters",
  "remote_address",
  "masked_remote_address",
  "generic_key",
  "header_value_match",
  "query_parameter_value_match",
  "remote_address_match",
] as const;

const address: LimitKeyValue = { kind: "client-ip", v4: 32, v6: 128 };

const always = (key: string, value: Entry["value"]): readonly Descriptor[] => [
  { entries: [{ key, value }], conditions: [] },
];

/** The entry that an `Action` makes, and when. @returns undefined after an error. */
async function waysOf(
  action: Node,
  { clusters }: RouteParts,
  mapping: Mapping,
): Promise<readonly Descriptor[] | undefined> {
  const kind = action.which(...kinds);
  const of = kind && action.node(kind)!;
  switch (kind) {
    case "source_cluster":
      return always(kind, mapping.cluster);
    case "destination_cluster":
      if (clusters?.length === 1) return always(kind, clusters[0]!);
      if (clusters?.length === 0) return [];
      mapping.report(
        errorAt(action.at(kind), "can't be told for a route whose cluster each request chooses"),
      );
      return undefined;
    case "request_headers":
      return optional(of!, { kind: "header", name: of!.text("header_name").toLowerCase() });
    case "query_parameters":
      return optional(of!, { kind: "query", name: bytesOf(of!.text("query_parameter_name")) });
    case "remote_address":
      return always(kind, address);
    case "masked_remote_address":
      return always(kind, networkOf(of!, mapping));
    case "generic_key":
      return always(of!.text("descriptor_key") || kind, of!.text("descriptor_value"));
    case undefined:
      mapping.report(
        errorAt(action.path, `is an action that umay can't evaluate; expected one of ${kinds.join(", ")}`),
      );
      return undefined;
    default:
      return matching(of!, kind, mapping);
  }
}

/** A value that the request may not have: then there is no descriptor, or none of its entries. */
function optional(of: Node, value: LimitKeyValue & { kind: "header" | "query" }): readonly Descriptor[] {
  const { kind, name } = value;
  const [present] = always(of.text("descriptor_key"), value);
  const absent: Condition = { kind, match: { name, test: { kind: "present" }, not: true } };
  return of.flag("skip_if_absent") === true ? [present!, { entries: [], conditions: [absent] }] : [present!];
}

function networkOf(of: Node, { report }: Mapping): LimitKeyValue {
  const v4 = of.number("v4_prefix_mask_len") ?? 32;
  const v6 = of.number("v6_prefix_mask_len") ?? 128;
  if (v4 > 32 || v6 > 128) report(errorAt(of.path, "has a prefix that is longer than an address"));
  else if (v6 > 64 && v6 < 128)
    report(warningAt(of.at("v6_prefix_mask_len"), "counts as 64 where every value has a limit of its own"));
  return { kind: "client-ip", v4, v6: v6 > 64 && v6 < 128 ? 64 : v6 };
}

const usualKeys = {
  header_value_match: "header_match",
  query_parameter_value_match: "query_match",
  remote_address_match: "remote_address_match",
} as const;

/** An entry for requests that meet conditions. @returns undefined after an error. */
async function matching(
  of: Node,
  kind: keyof typeof usualKeys,
  mapping: Mapping,
): Promise<readonly Descriptor[] | undefined> {
  const met = await conditionOf(of, kind, mapping);
  if (met === undefined) return undefined;
  const isExpected = kind === "remote_address_match" || of.flag("expect_match") !== false;
  const entry = { key: of.text("descriptor_key") || usualKeys[kind], value: of.text("descriptor_value") };
  return [{ entries: [entry], conditions: [isExpected ? met : { kind: "not", of: met }] }];
}

async function conditionOf(
  of: Node,
  kind: keyof typeof usualKeys,
  mapping: Mapping,
): Promise<Condition | undefined> {
  if (kind === "remote_address_match") {
    const matcher = of.node("address_matcher");
    const ranges = mapCidrs(matcher?.nodes("ranges") ?? [], mapping);
    const client: Condition = { kind: "client", ranges };
    return matcher?.flag("invert_match") === true ? { kind: "not", of: client } : client;
  }
  const isHeader = kind === "header_value_match";
  const matchers = of.nodes(isHeader ? "headers" : "query_parameters");
  const matches = await Promise.all(
    matchers.map((each) => (isHeader ? mapHeader(each, mapping) : mapParameter(each, mapping))),
  );
  if (matches.includes(undefined)) return undefined;
  return {
    kind: "all",
    of: matches.map((match): Condition => ({ kind: isHeader ? "header" : "query", match: match! })),
  };
}

/** The key by which a descriptor of requests is counted. */
export interface DescriptorKey {
  readonly key: readonly LimitKeyPart[];
  /** Values of entries that take any, and are known. */
  readonly known: readonly string[];
}

/**
 * How requests with a descriptor are counted by the configured one with these entries, in which an empty value takes any.
 * @returns undefined where that never takes them.
 */
export function matchEntries(
  { entries, conditions }: Descriptor,
  configured: readonly Pick<Entry & { value: string }, "key" | "value">[],
): DescriptorKey | undefined {
  if (entries.length !== configured.length) return undefined;
  const key: LimitKeyPart[] = conditions.map((when) => ({ kind: "condition", when }));
  const known: string[] = [];
  for (const [index, { key: name, value }] of entries.entries()) {
    const wanted = configured[index]!;
    if (name !== wanted.key) return undefined;
    if (typeof value === "string") {
      if (wanted.value === "") known.push(value);
      else if (value !== wanted.value) return undefined;
    } else if (wanted.value === "") key.push(value);
    else {
      const is = value.kind === "client-ip" ? rangeOf(name, value, wanted.value) : bytesOf(wanted.value);
      if (is === undefined) return undefined;
      key.push({ ...value, is });
    }
  }
  return { key, known };
}

/** An address, or a network with a mask of this length, as Envoy writes it. */
function rangeOf(
  name: string,
  { v4, v6 }: LimitKeyValue & { kind: "client-ip" },
  text: string,
): string | undefined {
  const [host, bits] = text.split("/");
  if (isIP(host!) === 0) return undefined;
  const wanted = name === "remote_address" ? undefined : String(isIPv6(host!) ? v6 : v4);
  return bits === wanted ? text : undefined;
}
