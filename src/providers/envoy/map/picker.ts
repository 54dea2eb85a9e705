import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { ConsistentHashSpec, LocalityRule, PickerSpec } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** How a cluster picks among its endpoints. */
export interface MappedPicker {
  readonly picker: PickerSpec;
  /** Undefined: localities do not count. */
  readonly localities: LocalityRule | undefined;
  /** Fields of requests that name the endpoint; undefined: none do. */
  readonly backendFields?: readonly string[];
  /** The message that says which parts there are; undefined: none does. */
  readonly parts?: Node | undefined;
  /** In milliseconds; undefined: at once. */
  readonly slowStart?: number | undefined;
}

const pickers: Readonly<Record<string, PickerSpec["type"]>> = {
  "": "round-robin",
  ROUND_ROBIN: "round-robin",
  LEAST_REQUEST: "power-of-two",
  RANDOM: "random",
};

const hashing = (algorithm: ConsistentHashSpec["algorithm"], boundedLoad?: number): PickerSpec => ({
  type: "consistent-hash",
  key: "source-ip",
  algorithm,
  boundedLoad,
});

export function mapPicker(cluster: Node, mapping: Mapping): MappedPicker {
  const common = cluster.node("common_lb_config");
  const localities = localitiesOf(common, mapping);
  const typed = cluster.node("load_balancing_policy");
  if (typed !== undefined)
    return { parts: cluster.node("lb_subset_config"), ...mapPolicy(typed, localities, mapping) };
  const factor = common?.node("consistent_hashing_lb_config")?.number("hash_balance_factor");
  const slowStart = slowStartOf(
    cluster.node("round_robin_lb_config") ?? cluster.node("least_request_lb_config"),
  );
  return {
    picker: mapOld(cluster, boundOf(factor), mapping),
    localities,
    parts: cluster.node("lb_subset_config"),
    slowStart,
  };
}

const slowStartOf = (config: Node | undefined): number | undefined =>
  config?.type.fields.has("slow_start_config") &&
  config.type.fields.get("slow_start_config")!.treatment === "mapped"
    ? config.node("slow_start_config")?.number("slow_start_window")
    : undefined;

/** In percent and in backends, of Envoy. */
const usualZones = { routed: 100, backends: 6 } as const;

/** How localities count: by `locality_weighted_lb_config`, or by zones wherever it is known which umays there are. */
function localitiesOf(config: Node | undefined, { zone }: Mapping): LocalityRule | undefined {
  if (config?.has("locality_weighted_lb_config")) return { by: "weight" };
  const zones = config?.type.fields.has("zone_aware_lb_config")
    ? config.node("zone_aware_lb_config")
    : undefined;
  const direct = zones?.type.fields.has("force_locality_direct_routing")
    ? zones.flag("force_locality_direct_routing")
    : undefined;
  return (
    zone && {
      by: "zone",
      ...zone,
      minBackends: zones?.number("min_cluster_size") ?? usualZones.backends,
      percent: zones?.node("routing_enabled")?.number("value") ?? usualZones.routed,
      direct: direct === true,
    }
  );
}

function mapOld(cluster: Node, bound: number | undefined, mapping: Mapping): PickerSpec {
  const policy = cluster.text("lb_policy");
  if (policy === "RING_HASH") return hashing("ring", bound);
  if (policy === "MAGLEV") return hashing("maglev", bound);
  // Each client goes where it says.
  const isGiven = policy === "CLUSTER_PROVIDED" && cluster.text("type") === "ORIGINAL_DST";
  const type = isGiven ? "round-robin" : pickers[policy];
  if (type === undefined) mapping.report(errorAt(cluster.at("lb_policy"), `${policy} is not supported`));
  checkChoices(cluster.node("least_request_lb_config"), mapping);
  return { type: type ?? "round-robin" } as PickerSpec;
}

/** Envoy's factor is in percent. */
const boundOf = (factor: number | undefined): number | undefined =>
  factor === undefined || factor === 0 ? undefined : Math.min(100, Math.max(1.1, factor / 100));

/** A `LoadBalancingPolicy`: the first that umay knows, as Envoy takes it. @param above how localities count around it. */
function mapPolicy(policies: Node, above: LocalityRule | undefined, mapping: Mapping): MappedPicker {
  for (const policy of policies.nodes("policies")) {
    const config = policy.node("typed_extension_config")?.extension("typed_config");
    if (config === undefined || !("type" in config)) continue;
    const inner = config.kind === "WrrLocality" ? config.node("endpoint_picking_policy") : undefined;
    if (inner !== undefined) return mapPolicy(inner, { by: "weight" }, mapping);
    if (config.kind === "Subset") {
      const within = config.node("subset_lb_policy");
      if (within !== undefined) return { ...mapPolicy(within, above, mapping), parts: config };
    }
    if (config.kind === "OverrideHost") return mapOverride(config, above, mapping);
    const picker = mapKnown(config, mapping);
    if (picker === undefined) continue;
    const own = ownLocalities(config, mapping);
    return {
      picker,
      localities: above?.by === "weight" ? above : own,
      slowStart: slowStartOf(config),
    };
  }
  mapping.report(
    errorAt(
      policies.at("policies"),
      "has no policy that umay knows: round_robin, random, least_request, ring_hash, maglev, wrr_locality, subset or override_host",
    ),
  );
  return { picker: { type: "round-robin" }, localities: above };
}

/** How localities count by the policy's own words: in a message of their own, or beside others. */
function ownLocalities(config: Node, mapping: Mapping): LocalityRule | undefined {
  const isApart = config.type.fields.has("locality_lb_config");
  const isBeside = config.type.fields.has("locality_weighted_lb_config");
  return localitiesOf(isApart ? config.node("locality_lb_config") : isBeside ? config : undefined, mapping);
}

function mapKnown(config: Node, mapping: Mapping): PickerSpec | undefined {
  switch (config.kind) {
    case "RoundRobin":
    case "ClientSideWeightedRoundRobin":
      return { type: "round-robin" };
    case "Random":
      return { type: "random" };
    case "Maglev":
    case "RingHash": {
      const factor =
        config.node("consistent_hashing_lb_config")?.number("hash_balance_factor") ??
        (config.kind === "RingHash" ? config.number("hash_balance_factor") : undefined);
      return hashing(config.kind === "Maglev" ? "maglev" : "ring", boundOf(factor));
    }
    case "LeastRequest": {
      const whole =
        config.text("selection_method") === "FULL_SCAN" || config.flag("enable_full_scan") === true;
      checkChoices(config, mapping);
      return { type: whole ? "least-connection" : "power-of-two" };
    }
    default:
      return undefined;
  }
}

function mapOverride(config: Node, localities: LocalityRule | undefined, mapping: Mapping): MappedPicker {
  const fallback = config.node("fallback_policy");
  const sources = config.nodes("override_host_sources");
  const fields = sources.map((source) => source.text("header").toLowerCase()).filter((name) => name !== "");
  const dynamic = sources.find((source) => source.has("metadata"));
  if (fields.length === 0)
    mapping.report(
      errorAt(config.at("override_host_sources"), "expected a header: umay's filters leave no metadata"),
    );
  else if (dynamic !== undefined)
    mapping.report(
      warningAt(dynamic.at("metadata"), "has no effect: umay's filters leave no metadata; headers count"),
    );
  const below: MappedPicker =
    fallback === undefined
      ? { picker: { type: "round-robin" }, localities }
      : mapPolicy(fallback, localities, mapping);
  return fields.length === 0 ? below : { ...below, backendFields: fields };
}

function checkChoices(config: Node | undefined, { report }: Mapping): void {
  const choices = config?.number("choice_count");
  if (choices !== undefined && choices !== 2)
    report(warningAt(config!.at("choice_count"), "has no effect: two backends are drawn"));
}
