import { errorAt } from "../../../../lib/findings.ts";
import type { Condition } from "../../../../model/http/condition.ts";
import type { Fault, FaultAnswer, FaultShare } from "../../../../model/http/guard.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { percentOf, unitOf } from "../fraction.ts";
import { mapHeader } from "../match.ts";
import type { RouteParts } from "./parts.ts";
import type { ApplyFilter } from "./registry.ts";

/** In milliseconds. */
const longestDelay = 3_600_000;

/** `HTTPFault`: a part of the requests is held up, and a part of them answered in place of a backend. */
export const applyFault: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  const from = own ?? config;
  if (!isMeant(from, parts, mapping)) return;
  const guard = await guards.nameOf(from, "faults", name, (label) => faultOf(from, label, mapping));
  if (guard !== undefined) parts.guards.push([guard]);
};

/** Whether the route leads to the cluster that the fault is for. */
function isMeant(from: Node, { clusters }: RouteParts, { report }: Mapping): boolean {
  const cluster = from.text("upstream_cluster");
  if (cluster === "") return true;
  if (clusters === undefined || (clusters.length > 1 && clusters.includes(cluster)))
    report(
      errorAt(from.at("upstream_cluster"), "can't be told for a route whose cluster each request chooses"),
    );
  return clusters?.includes(cluster) === true;
}

/** @returns undefined where nothing is ever done, or after an error. */
async function faultOf(from: Node, name: string, mapping: Mapping): Promise<Fault | undefined> {
  const when = await conditionOf(from, mapping);
  const delay = delayOf(from.node("delay"), mapping);
  const abort = abortOf(from.node("abort"), mapping);
  if (when === undefined || (delay === undefined && abort === undefined)) return undefined;
  const most = from.number("max_active_faults");
  return {
    kind: "fault",
    name,
    when,
    ...(delay && { delay }),
    ...(abort && { abort }),
    ...(most !== undefined && { most }),
  };
}

/** Which requests have its fields, and come from one of its nodes. @returns undefined after an error. */
async function conditionOf(from: Node, mapping: Mapping): Promise<Condition | undefined> {
  const matches = await Promise.all(from.nodes("headers").map((header) => mapHeader(header, mapping)));
  if (matches.includes(undefined)) return undefined;
  const headers = matches.map((match): Condition => ({ kind: "header", match: match! }));
  const nodes = from.texts("downstream_nodes").map(
    (value): Condition => ({
      kind: "header",
      match: {
        name: "x-envoy-downstream-service-node",
        test: { kind: "exact", value, ignoreCase: false },
        not: false,
      },
    }),
  );
  const of = nodes.length === 0 ? headers : [...headers, { kind: "some", of: nodes } as const];
  return of.length === 0 ? { kind: "any" } : { kind: "all", of };
}

/** @returns undefined where nothing is held up, or after an error. */
function delayOf(delay: Node | undefined, { report }: Mapping): Fault["delay"] {
  const share = delay && shareOf(delay);
  if (share === undefined) return undefined;
  if (delay!.has("header_delay")) return { ...share, time: "field" };
  const time = delay!.number("fixed_delay");
  if (time !== undefined && time > 0 && time <= longestDelay) return { ...share, time };
  report(
    errorAt(delay!.at("fixed_delay"), "expected a time above 0 s, up to an hour, or header_delay beside it"),
  );
  return undefined;
}

/** @returns undefined where nothing is answered, or after an error. */
function abortOf(abort: Node | undefined, { report }: Mapping): Fault["abort"] {
  const share = abort && shareOf(abort);
  if (share === undefined) return undefined;
  if (abort!.has("header_abort")) return { ...share, answer: "field" };
  const grpc = abort!.number("grpc_status");
  const status = abort!.number("http_status") ?? (grpc === undefined ? undefined : 200);
  const text = abort!.text("response_body");
  if (status !== undefined && status >= 200 && status < 600) {
    const answer: FaultAnswer = {
      status,
      ...(grpc !== undefined && { grpc }),
      ...(text !== "" && { text }),
    };
    return { ...share, answer };
  }
  report(errorAt(abort!.path, "expected http_status, from 200 to 599, grpc_status or header_abort"));
  return undefined;
}

/** @returns undefined where it is for no request: without a word it is none. */
function shareOf(fault: Node): FaultShare | undefined {
  const share = fault.node("percentage");
  const percent = share === undefined ? 0 : percentOf(share);
  return percent === 0 ? undefined : { percent, unit: unitOf(share!) };
}
