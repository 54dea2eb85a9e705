import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { ConsistentHashSpec, PickerSpec } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** How a cluster picks among its endpoints. */
export interface MappedPicker {
  readonly picker: PickerSpec;
  /** Whether weights of localities count. */
  readonly byLocality: boolean;
  /** A field of requests that names the endpoint; undefined: none. */
  readonly backendField: string | undefined;
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
  const byLocality = common?.has("locality_weighted_lb_config") === true;
  const typed = cluster.node("load_balancing_policy");
  if (typed !== undefined) return mapPolicy(typed, byLocality, mapping);
  const factor = common?.node("consistent_hashing_lb_config")?.number("hash_balance_factor");
  return { picker: mapOld(cluster, boundOf(factor), mapping), byLocality, backendField: undefined };
}

function mapOld(cluster: Node, bound: number | undefined, mapping: Mapping): PickerSpec {
  const policy = cluster.text("lb_policy");
  if (policy === "RING_HASH") return hashing("ring", bound);
  if (policy === "MAGLEV") return hashing("maglev", bound);
  const type = pickers[policy];
  if (type === undefined) mapping.report(errorAt(cluster.at("lb_policy"), `${policy} is not supported`));
  checkChoices(cluster.node("least_request_lb_config"), mapping);
  return { type: type ?? "round-robin" } as PickerSpec;
}

/** Envoy's factor is in percent. */
const boundOf = (factor: number | undefined): number | undefined =>
  factor === undefined || factor === 0 ? undefined : Math.min(100, Math.max(1.1, factor / 100));

/** A `LoadBalancingPolicy`: the first that umay knows, as Envoy takes it. */
function mapPolicy(policies: Node, byLocality: boolean, mapping: Mapping): MappedPicker {
  for (const policy of policies.nodes("policies")) {
    const config = policy.node("typed_extension_config")?.extension("typed_config");
    if (config === undefined || !("type" in config)) continue;
    const inner = config.kind === "WrrLocality" ? config.node("endpoint_picking_policy") : undefined;
    if (inner !== undefined) return mapPolicy(inner, true, mapping);
    if (config.kind === "OverrideHost") return mapOverride(config, byLocality, mapping);
    const picker = mapKnown(config, mapping);
    const local = config.type.fields.has("locality_lb_config") && config.node("locality_lb_config");
    const weighs = local ? local.has("locality_weighted_lb_config") : false;
    if (picker !== undefined)
      return { picker, byLocality: byLocality || weighs || hasLocality(config), backendField: undefined };
  }
  mapping.report(
    errorAt(
      policies.at("policies"),
      "has no policy that umay knows: round_robin, random, least_request, ring_hash, maglev, wrr_locality or override_host",
    ),
  );
  return { picker: { type: "round-robin" }, byLocality, backendField: undefined };
}

const hasLocality = (config: Node): boolean =>
  config.type.fields.has("locality_weighted_lb_config") && config.has("locality_weighted_lb_config");

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

function mapOverride(config: Node, byLocality: boolean, mapping: Mapping): MappedPicker {
  const fallback = config.node("fallback_policy");
  const names = config.nodes("override_host_sources").map((source) => source.text("header").toLowerCase());
  const [field, ...others] = names.filter((name) => name !== "");
  if (field === undefined || others.length > 0)
    mapping.report(errorAt(config.at("override_host_sources"), "expected one header"));
  const below: MappedPicker =
    fallback === undefined
      ? { picker: { type: "round-robin" }, byLocality, backendField: undefined }
      : mapPolicy(fallback, byLocality, mapping);
  return { ...below, backendField: field };
}

function checkChoices(config: Node | undefined, { report }: Mapping): void {
  const choices = config?.number("choice_count");
  if (choices !== undefined && choices !== 2)
    report(warningAt(config!.at("choice_count"), "has no effect: two backends are drawn"));
}
