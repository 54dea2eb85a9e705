import { fieldText } from "../../../../http/edits.ts";
import { bytesOf } from "../../../../lib/byte-text.ts";
import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { KeyedRate, LimitRate, RateLimit } from "../../../../model/http/guard.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { foldSteps, optionSteps } from "../fields.ts";
import { runtimePercent } from "../fraction.ts";
import { type Descriptor, mapDescriptors, matchEntries } from "./descriptors.ts";
import type { TableGuards } from "./filters.ts";
import type { RouteParts } from "./parts.ts";
import type { ApplyFilter } from "./registry.ts";
import { statusOf } from "./status.ts";

/** Each says for how many requests the limit counts. */
const shares = ["filter_enabled", "filter_enforced"] as const;

/** `LocalRateLimit`: a bucket for all requests of the routes that have it, and one for each of its descriptors. */
export const applyLimit: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  const from = own ?? config;
  if (own !== undefined && !own.has("token_bucket"))
    mapping.report(errorAt(own.path, "has no token_bucket, which settings of a route need"));
  const configured = guards.once(from, () => descriptorsOf(from, mapping));
  const rates = configured.length === 0 ? [] : await ratesOf(from, configured, parts, { guards, mapping });
  if (rates.length === 0 && !from.has("token_bucket")) return;
  const guard = await guards.nameOf(
    from,
    "rate_limits",
    name,
    (label, first) => limitOf(from, { name: label, rates, counts: first }, mapping),
    JSON.stringify(rates),
  );
  if (guard !== undefined) parts.guards.push([guard]);
};

/** A `LocalRateLimitDescriptor`. */
interface Configured extends LimitRate {
  readonly name: string;
  readonly entries: readonly { readonly key: string; readonly value: string }[];
  readonly looksOn: boolean;
}

/** The configured descriptors, those first that take one value of each entry: they come before those that take any. */
function descriptorsOf(from: Node, mapping: Mapping): readonly Configured[] {
  const seen = new Set<string>();
  const found = from.nodes("descriptors").flatMap((node): Configured[] => {
    const entries = node
      .nodes("entries")
      .map((entry) => ({ key: entry.text("key"), value: entry.text("value") }));
    const name = JSON.stringify(entries.map(({ key, value }) => [key, value]));
    const bucket = node.node("token_bucket");
    const rate = bucket && rateOf(bucket, mapping);
    if (bucket === undefined) mapping.report(errorAt(node.path, "has no token_bucket"));
    if (seen.has(name)) mapping.report(errorAt(node.path, "has the entries of another descriptor"));
    seen.add(name);
    return rate === undefined ? [] : [{ name, entries, looksOn: node.flag("shadow_mode") === true, ...rate }];
  });
  const takesAny = ({ entries }: Configured): boolean => entries.some(({ value }) => value === "");
  return [...found.filter((each) => !takesAny(each)), ...found.filter(takesAny)];
}

interface Surroundings {
  readonly guards: TableGuards;
  readonly mapping: Mapping;
}

/** The rates that count for requests of a route, a group for each `RateLimit` that describes them. */
async function ratesOf(
  from: Node,
  configured: readonly Configured[],
  parts: RouteParts,
  { guards, mapping }: Surroundings,
): Promise<readonly (readonly KeyedRate[])[]> {
  const perConnection = from.flag("local_rate_limit_per_downstream_connection") === true;
  const groups: (readonly KeyedRate[])[] = [];
  for (const { limit, cost } of limitsOf(from, parts, guards, mapping)) {
    const told = limit.text("x_ratelimit_option");
    const descriptors = await mapDescriptors(limit, parts, mapping);
    const group = descriptors.flatMap((descriptor) =>
      configured.flatMap((each) => keyedRate(each, descriptor, perConnection) ?? []),
    );
    const more = told === "" || told === "UNSPECIFIED" ? {} : { tells: told === "DRAFT_VERSION_03" };
    if (group.length > 0) groups.push(group.map((rate) => ({ ...rate, cost, ...more })));
  }
  return groups;
}

function keyedRate(
  { name, entries, looksOn, rate, burst }: Configured,
  descriptor: Descriptor,
  perConnection: boolean,
): Omit<KeyedRate, "cost"> | undefined {
  const matched = matchEntries(descriptor, entries);
  return (
    matched && {
      key: perConnection ? [...matched.key, { kind: "connection" }] : matched.key,
      name: matched.known.length === 0 ? name : `${name} ${JSON.stringify(matched.known)}`,
      rate,
      burst,
      ...(looksOn && { looksOn }),
    }
  );
}

/** The `RateLimit`s that a filter asks about a route's requests, with the tokens that each takes. */
function limitsOf(
  from: Node,
  { limits: { route, host, includesHost } }: RouteParts,
  { asked }: TableGuards,
  { report }: Mapping,
): readonly { readonly limit: Node; readonly cost: number }[] {
  const own = from.nodes("rate_limits");
  if (own.length > 0) return own.map((limit) => ({ limit, cost: costOf(limit, report) }));
  const option = includesHost ? "INCLUDE" : from.text("vh_rate_limits") || "OVERRIDE";
  const isHosts = option === "INCLUDE" || (option === "OVERRIDE" && route.length === 0);
  const stage = from.number("stage") ?? 0;
  const staged = [...route, ...(isHosts ? host : [])].filter(
    (limit) => (limit.number("stage") ?? 0) === stage,
  );
  for (const limit of staged) asked.add(limit);
  for (const limit of staged)
    if (limit.text("disable_key") !== "")
      report(
        warningAt(limit.at("disable_key"), "keeps it from counting for a local rate limit, as in Envoy"),
      );
  // Of routes Envoy does not look at hits_addend here.
  return staged.filter((limit) => limit.text("disable_key") === "").map((limit) => ({ limit, cost: 1 }));
}

/** Of a filter's own `RateLimit`, whose other fields Envoy does not take either. */
function costOf(limit: Node, report: Mapping["report"]): number {
  for (const key of ["stage", "disable_key"] as const)
    if (limit.has(key)) report(errorAt(limit.at(key), "is for the rate_limits of routes"));
  if (limit.flag("apply_on_stream_done") === true)
    report(errorAt(limit.at("apply_on_stream_done"), "umay counts requests when they come"));
  const hits = limit.node("hits_addend");
  const cost = hits?.number("number") ?? 1;
  if (hits !== undefined && (!hits.has("number") || cost < 1 || hits.flag("is_negative_hits") === true))
    report(errorAt(hits.path, "expected a number of at least 1 that is taken"));
  return Math.max(1, cost);
}

/** A `TokenBucket`. @returns undefined after an error. */
function rateOf(bucket: Node, { report }: Mapping): LimitRate | undefined {
  const burst = bucket.number("max_tokens") ?? 0;
  const requests = bucket.number("tokens_per_fill") ?? 1;
  const period = bucket.number("fill_interval") ?? 0;
  if (requests >= 1 && period >= 1) return { rate: { requests, period }, burst };
  if (burst === 0) return { rate: { requests: 1, period: 1_000 }, burst };
  report(errorAt(bucket.path, "expected tokens_per_fill and fill_interval, each above 0"));
  return undefined;
}

/** @returns undefined where nothing is ever limited, or after an error. */
function limitOf(
  from: Node,
  { name, rates, counts }: Pick<RateLimit, "name"> & Required<Pick<RateLimit, "rates" | "counts">>,
  mapping: Mapping,
): RateLimit | undefined {
  const { report } = mapping;
  // Envoy limits nothing unless both are said, which few expect.
  const unsaid = shares.find((key) => !from.has(key));
  if (unsaid !== undefined)
    report(warningAt(from.at("token_bucket"), `limits nothing, as in Envoy: there is no ${unsaid}`));
  const [counted, enforced] = shares.map((key) => runtimePercent(from.node(key)) ?? 0);
  const spared = sparedOf(from, mapping);
  if (counted === 0 || (enforced === 0 && spared === undefined)) return undefined;
  const bucket = from.node("token_bucket");
  const own = bucket && rateOf(bucket, mapping);
  if (bucket !== undefined && own === undefined) return undefined;
  const perConnection = from.flag("local_rate_limit_per_downstream_connection") === true;
  const { lines } = linesOf(from, "response_headers_to_add", mapping);
  const isTold = from.text("enable_x_ratelimit_headers") === "DRAFT_VERSION_03";
  return {
    kind: "rate-limit",
    name,
    key: [perConnection ? [{ kind: "connection" }] : []],
    rate: own?.rate,
    burst: own?.burst ?? 1,
    ...(rates.length > 0 && {
      rates,
      always: from.flag("always_consume_default_token_bucket") !== false,
    }),
    concurrent: undefined,
    keys: keysOf(from, perConnection),
    fields: isTold ? "always" : "never",
    ...((isTold || rates.flat().some(({ tells }) => tells)) && { form: "x-ratelimit" }),
    ...(counted! < 100 && { counted }),
    ...(enforced! < 100 && { enforced, ...(spared && { spared }) }),
    refusal: { status: statusOf(from.node("status")) ?? 429, lines },
    ...(from.nodes("descriptors").length > 0 && { counts }),
  };
}

const mostKeys = 2_000_000;

/** Enough for all that Envoy would remember: it forgets the values of a descriptor that were not seen for the longest. */
function keysOf(from: Node, perConnection: boolean): number {
  const each = from.number("max_dynamic_descriptors") ?? 20;
  return Math.min(mostKeys, perConnection ? 65_536 : Math.max(1, each * from.nodes("descriptors").length));
}

/** Fields for backends of requests over the limit that go on; undefined: there are none. */
function sparedOf(from: Node, mapping: Mapping): RateLimit["spared"] {
  const { lines, replaces } = linesOf(from, "request_headers_to_add_when_not_enforced", mapping);
  return lines === "" ? undefined : { lines, replaces };
}

/** `HeaderValueOption`s as lines, with the names of those that are replaced. umay's own answer has none of these fields. */
function linesOf(
  from: Node,
  key: "response_headers_to_add" | "request_headers_to_add_when_not_enforced",
  mapping: Mapping,
): { readonly lines: string; readonly replaces: readonly string[] } {
  const { set, add, more = [] } = foldSteps(optionSteps(from.nodes(key), mapping));
  const { report } = mapping;
  if (key === "request_headers_to_add_when_not_enforced" && more.some(({ when }) => when !== "always"))
    report(
      errorAt(from.at(key), "umay takes fields that are appended or overwritten, whatever a request has"),
    );
  const fields = [
    ...Object.entries({ ...set, ...add }),
    ...more.flatMap(({ name, value, when }) => (when === "present" ? [] : [[name, value] as const])),
  ];
  if (fields.some(([, value]) => value.some((piece) => typeof piece !== "string")))
    report(errorAt(from.at(key), "umay takes values without variables here"));
  const lines = fields.flatMap(([field, value]) =>
    value.length === 0 ? [] : `${field}: ${fieldText(bytesOf(value.join("")))}\r\n`,
  );
  return { lines: lines.join(""), replaces: Object.keys(set) };
}
