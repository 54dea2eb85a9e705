import { isIP } from "node:net";
import { formatAddress } from "../../../lib/address.ts";
import { errorAt } from "../../../lib/findings.ts";
import { scaleWeights } from "../../../lib/scale-weights.ts";
import { type Backend, mostTiers, mostWeight } from "../../../model/backend.ts";
import type { Labels } from "../../../model/subset.ts";
import type { Node } from "../node.ts";
import { mapAddress } from "./address.ts";
import type { Mapping } from "./context.ts";
import { labelsOf } from "./labels.ts";

/** The part of a `ClusterLoadAssignment` that is about its cluster as a whole. */
export interface EndpointTraits {
  /** In percent; undefined: Envoy's usual. */
  readonly overprovisioning: number | undefined;
}

/** In percent; undefined: Envoy's usual. */
export const overprovisioningOf = (assignment: Node): number | undefined =>
  assignment.node("policy")?.number("overprovisioning_factor");

/** Endpoints in these states take no sessions, as long as enough others do. */
const unusable: ReadonlySet<string> = new Set(["UNHEALTHY", "DRAINING", "TIMEOUT"]);

/** The backends of a `ClusterLoadAssignment`, each address once. */
export function mapEndpoints(assignment: Node, mapping: Mapping): readonly Backend[] {
  const found = new Map<string, Backend>();
  const localities = assignment.nodes("endpoints");
  const isSpread = new Set(localities.map(localityName)).size > 1;
  for (const locality of localities) {
    const tier = locality.number("priority") ?? 0;
    if (tier >= mostTiers) mapping.report(errorAt(locality.at("priority"), `is more than ${mostTiers - 1}`));
    const place = isSpread
      ? { locality: { name: localityName(locality), weight: locality.number("load_balancing_weight") ?? 0 } }
      : {};
    const near = labelsOf(locality.node("metadata"), ofTransport);
    const members = locality.nodes("lb_endpoints");
    const weights = scaleWeights(
      members.map((each) => each.number("load_balancing_weight") ?? 1),
      mostWeight,
    );
    for (const [index, member] of members.entries()) {
      const backend = backendOf(member, Math.min(tier, mostTiers - 1), mapping);
      if (backend !== undefined && !found.has(backend.address))
        found.set(backend.address, {
          ...backend,
          weight: weights[index]!,
          ...place,
          ...transportLabels(member, near),
        });
    }
  }
  return [...found.values()];
}

/** The part of metadata by which a transport socket is chosen. */
const ofTransport = "envoy.transport_socket_match";

/** The endpoint's own come first. @param near those of its locality. */
function transportLabels(member: Node, near: Labels | undefined): Pick<Backend, "transportLabels"> {
  const own = labelsOf(member.node("metadata"), ofTransport);
  if (near !== undefined) return { transportLabels: [own ?? {}, near] };
  return own === undefined ? {} : { transportLabels: [own] };
}

/** `region/zone/sub zone`. */
export function localityName(owner: Node): string {
  const locality = owner.node("locality");
  return locality === undefined
    ? ""
    : [locality.text("region"), locality.text("zone"), locality.text("sub_zone")].join("/");
}

function backendOf(member: Node, tier: number, mapping: Mapping): Omit<Backend, "weight"> | undefined {
  const endpoint = member.node("endpoint");
  const target = mapAddress(endpoint?.node("address"), mapping, member);
  if (target === undefined) return undefined;
  const hostName =
    endpoint?.text("hostname") || (target.kind === "tcp" && isIP(target.host) === 0 ? target.host : "");
  const labels = labelsOf(member.node("metadata"));
  return {
    address: formatAddress(target),
    target,
    tier,
    ...(hostName !== "" && { hostName: hostName.toLowerCase() }),
    ...(unusable.has(member.text("health_status")) && { unfit: true as const }),
    ...(labels !== undefined && { labels }),
  };
}
