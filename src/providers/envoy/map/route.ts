import { warningAt } from "../../../lib/findings.ts";
import type { RequestMatch } from "../../../model/http/match.ts";
import type { HttpRoute } from "../../../model/http/route.ts";
import type { Rule } from "../../../model/http/route-table.ts";
import type { Node } from "../node.ts";
import { clustersOf, mapAction } from "./action.ts";
import { certificateSteps } from "./client-certificate.ts";
import type { Mapping } from "./context.ts";
import { type FieldStep, foldSteps, mapFields } from "./fields.ts";
import { applyFilters, type HttpFilter, type TableGuards } from "./filters/filters.ts";
import { inOrder, newParts, type RouteLimits } from "./filters/parts.ts";
import { mapHash } from "./hash.ts";
import { mapMirrors } from "./mirrors.ts";
import { mapRetry } from "./retries.ts";
import { mapRewrite } from "./rewrite.ts";
import type { TableUse } from "./routes.ts";
import { traceOf } from "./tracing.ts";
import { type ClusterPart, clusterParts, tellingOnce } from "./weighted.ts";

/** Settings that the routes of a table have in common. */
export interface Common extends TableUse {
  readonly config: Node;
  readonly filters: readonly HttpFilter[];
  readonly guards: TableGuards;
}

/** A `Route`, as its rule, and rules in front of it where a filter treats a part of its requests in another way. */
export async function mapRoute(
  route: Node,
  name: string,
  match: RequestMatch,
  host: Node,
  common: Common,
  mapping: Mapping,
): Promise<readonly Rule<HttpRoute>[]> {
  const parts = clusterParts(route, match);
  if (parts.length === 1) return mapPart(route, name, parts[0]!, host, common, mapping);
  const once = tellingOnce(mapping);
  const rules: Rule<HttpRoute>[] = [];
  for (const [index, part] of parts.entries())
    rules.push(...(await mapPart(route, `${name}/${index + 1}`, part, host, common, once)));
  return rules;
}

async function mapPart(
  route: Node,
  name: string,
  { match, only }: ClusterPart,
  host: Node,
  common: Common,
  mapping: Mapping,
): Promise<readonly Rule<HttpRoute>[]> {
  const levels = [route, host, common.config];
  const forward = route.node("route");
  const limits = limitsOf(forward, host);
  const parts = newParts({ route: name, match, clusters: clustersOf(forward, only), limits });
  const heeded = only === undefined ? levels : [only, ...levels];
  await applyFilters(common.filters, heeded, parts, common.guards, mapping);
  const specificWins = common.config.flag("most_specific_header_mutations_wins") === true;
  const certificate = certificateSteps(common.manager, common.mutual);
  const counted = (key: string): readonly FieldStep[] =>
    forward !== undefined && host.flag(key) === true ? [attemptCount] : [];
  const request = [
    ...certificate,
    ...counted("include_request_attempt_count"),
    ...mapFields(levels, "request", specificWins, mapping),
  ];
  const response = [
    ...counted("include_attempt_count_in_response"),
    ...mapFields(levels, "response", specificWins, mapping),
  ];
  const usual: HttpRoute = {
    ...mapping.defaults.route,
    title: route.text("name"),
    priority: 0,
    ...(forward !== undefined && (await mapForward(route, forward, host, common, mapping))),
    ...traceOf(route, common.manager),
  };
  const rules: Rule<HttpRoute>[] = [];
  for (const [index, each] of inOrder(parts).entries()) {
    const requestSteps = [...request, ...each.requestSteps];
    const responseSteps = [...response, ...each.responseSteps];
    // All parts have the same errors: they are told once.
    const own = each === parts ? mapping : { ...mapping, report: () => {} };
    const action = await mapAction(route, { requestSteps, responseSteps, specificWins, only }, own);
    if (action === undefined) continue;
    const { guards, maxBody, cors, compress, sticky, requestTrailerSteps, responseTrailerSteps } = each;
    const mapped: HttpRoute = {
      ...usual,
      name: each === parts ? name : `${name}#${index + 1}`,
      action,
      guards,
      maxBody,
      cors,
      sticky,
      requestFields: forward === undefined ? usual.requestFields : foldSteps(requestSteps),
      responseFields: foldSteps(responseSteps),
      ...(requestTrailerSteps.length > 0 && { requestTrailers: foldSteps(requestTrailerSteps) }),
      ...(responseTrailerSteps.length > 0 && { responseTrailers: foldSteps(responseTrailerSteps) }),
      ...(compress !== undefined && { compress }),
    };
    rules.push({ match: each.match, route: mapped });
  }
  return rules;
}

const attemptCount: FieldStep = {
  name: "x-envoy-attempt-count",
  action: "overwrite",
  value: [{ variable: "attempt" }],
};

/** A route that answers by itself has none of them, as in Envoy. */
const limitsOf = (forward: Node | undefined, host: Node): RouteLimits => ({
  route: forward?.nodes("rate_limits") ?? [],
  host: forward === undefined ? [] : host.nodes("rate_limits"),
  includesHost: forward?.flag("include_vh_rate_limits") === true,
});

/** The way to a backend. */
async function mapForward(
  route: Node,
  forward: Node,
  host: Node,
  { config, upgrades, manager }: Common,
  mapping: Mapping,
): Promise<Partial<HttpRoute>> {
  const usual = mapping.defaults.route;
  const buffer =
    route.number("per_request_buffer_limit_bytes") ?? host.number("per_request_buffer_limit_bytes");
  const policy = forward.node("retry_policy") ?? host.node("retry_policy");
  const { retry, try: longestTry } = mapRetry(policy, buffer, mapping);
  const longest = forward.node("max_stream_duration");
  if ((longest?.number("grpc_timeout_header_max") ?? 0) > 0)
    mapping.report(
      warningAt(
        longest!.at("grpc_timeout_header_max"),
        "has no effect: calls end when they say, or with timeout; expected 0",
      ),
    );
  return {
    rewrite: await mapRewrite(forward, route.node("match"), mapping),
    timeouts: { ...usual.timeouts, ...timeoutsOf(forward, manager), try: longestTry },
    retry,
    mirrors: mapMirrors([forward, host, config], mapping),
    hash: mapHash(forward, mapping),
    upgrades: upgradesOf(forward, upgrades),
  };
}

/** In milliseconds, of Envoy: 15 s for the whole, 0 for no limit. */
const usualTimeout = 15_000;

function timeoutsOf(
  forward: Node,
  manager: Node | undefined,
): Pick<HttpRoute["timeouts"], "firstByte" | "request" | "idle"> {
  const whole = forward.number("timeout") ?? usualTimeout;
  const idle = forward.number("idle_timeout");
  const common = manager?.node("common_http_protocol_options");
  const stream =
    forward.node("max_stream_duration")?.number("max_stream_duration") ??
    common?.number("max_stream_duration");
  const limits = [whole, stream].filter((limit) => limit !== undefined && limit > 0) as number[];
  return {
    firstByte: whole === 0 ? noLimit : whole,
    request: limits.length === 0 ? undefined : Math.min(...limits),
    idle: idle === 0 ? noLimit : idle,
  };
}

/** A day, in milliseconds: that a timeout is switched off is no reason to keep what died. */
const noLimit = 86_400_000;

/** A route may switch on or off what its listener has. */
function upgradesOf(forward: Node, upgrades: HttpRoute["upgrades"]): HttpRoute["upgrades"] {
  const own = forward
    .nodes("upgrade_configs")
    .find((each) => each.text("upgrade_type").toLowerCase() === "websocket");
  return own === undefined ? upgrades : own.flag("enabled") === false ? [] : ["websocket"];
}
