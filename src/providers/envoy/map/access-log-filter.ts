import { warningAt } from "../../../lib/findings.ts";
import type { Comparison, LogFilter } from "../../../model/access-log.ts";
import { grpcStatusNames } from "../../../model/grpc-status.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { percentOf } from "./fraction.ts";
import { mapHeader } from "./match.ts";

/** Every request. */
const everything: LogFilter = { kind: "all", of: [] };

/** No request. */
const nothing: LogFilter = { kind: "some", of: [] };

const operators: Readonly<Record<string, Comparison>> = {
  "": "eq",
  EQ: "eq",
  GE: "ge",
  LE: "le",
  NE: "ne",
};

/** An `AccessLogFilter`. A part that umay can't tell takes every request, which is warned of. */
export async function mapLogFilter(filter: Node, mapping: Mapping): Promise<LogFilter> {
  for (const [key, kind] of [
    ["status_code_filter", "status"],
    ["duration_filter", "duration"],
  ] as const) {
    const comparison = filter.node(key)?.node("comparison");
    if (comparison !== undefined)
      return {
        kind,
        is: operators[comparison.text("op")] ?? "eq",
        value: comparison.node("value")?.number("default_value") ?? 0,
      };
  }
  for (const [key, kind] of [
    ["and_filter", "all"],
    ["or_filter", "some"],
  ] as const) {
    const filters = filter.node(key)?.nodes("filters");
    if (filters !== undefined)
      return { kind, of: await Promise.all(filters.map((each) => mapLogFilter(each, mapping))) };
  }
  const share = filter.node("runtime_filter")?.node("percent_sampled");
  if (share !== undefined) return { kind: "chance", percent: percentOf(share) };
  if (filter.has("not_health_check_filter")) return everything;
  if (filter.has("traceable_filter")) return { kind: "traced" };
  const metadata = filter.node("metadata_filter");
  // There is none, so no key is found.
  if (metadata !== undefined) return metadata.flag("match_if_key_not_found") === false ? nothing : everything;
  const types = filter.node("log_type_filter");
  // A line is written when its request is over.
  if (types !== undefined) {
    const isNamed = types.texts("types").includes("DownstreamEnd");
    return isNamed === (types.flag("exclude") === true) ? nothing : everything;
  }
  const flags = filter.node("response_flag_filter")?.texts("flags");
  if (flags !== undefined) return { kind: "flags", flags };
  const call = filter.node("grpc_status_filter");
  if (call !== undefined)
    return {
      kind: "grpc",
      statuses: call.texts("statuses").map(statusOf),
      not: call.flag("exclude") === true,
    };
  const header = filter.node("header_filter")?.node("header");
  if (header !== undefined) {
    const match = await mapHeader(header, mapping);
    return match === undefined ? everything : { kind: "field", match };
  }
  mapping.report(warningAt(filter.path, "has no effect: every request has a line"));
  return everything;
}

/** Envoy writes one of them with one L. */
const statusOf = (name: string): number =>
  (grpcStatusNames as readonly string[]).indexOf(name === "CANCELED" ? "CANCELLED" : name);
