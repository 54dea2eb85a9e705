import { isIP } from "node:net";
import { formatAddress } from "../../../lib/address.ts";
import { errorAt } from "../../../lib/findings.ts";
import { type Backend, mostTiers, mostWeight } from "../../../model/backend.ts";
import type { Node } from "../node.ts";
import { mapAddress } from "./address.ts";
import type { Mapping } from "./context.ts";

/** The part of a `ClusterLoadAssignment` that is about its cluster as a whole. */
export interface EndpointTraits {
  /** In percent; undefined: Envoy's usual. */
  readonly overprovisioning: number | undefined;
}

/** In percent; undefined: Envoy's usual. */
export const overprovisioningOf = (assignment: Node): number | undefined =>
  assignment.node("policy")?.number("overprovisioning_factor");

/** Endpoints in these states take no sessions. */
const unusable: ReadonlySet<string> = new Set(["UNHEALTHY", "DRAINING", "TIMEOUT"]);

interface Found {
  readonly backend: Omit<Backend, "weight">;
  /** Its share, of any size. */
  readonly share: number;
}

/**
 * The backends of a `ClusterLoadAssignment`, each address once.
 * @param byLocality whether weights of localities count.
 */
export function mapEndpoints(assignment: Node, byLocality: boolean, mapping: Mapping): readonly Backend[] {
  const found = new Map<string, Found>();
  for (const locality of assignment.nodes("endpoints")) {
    const tier = locality.number("priority") ?? 0;
    if (tier >= mostTiers) mapping.report(errorAt(locality.at("priority"), `is more than ${mostTiers - 1}`));
    const members = locality
      .nodes("lb_endpoints")
      .filter((each) => !unusable.has(each.text("health_status")));
    const shares = members.map((each) => each.number("load_balancing_weight") ?? 1);
    const total = shares.reduce((sum, share) => sum + share, 0);
    const weight = byLocality ? locality.number("load_balancing_weight") : undefined;
    for (const [index, member] of members.entries()) {
      const backend = backendOf(member, Math.min(tier, mostTiers - 1), mapping);
      // The weight of a locality is shared out among its endpoints.
      const share = weight === undefined ? shares[index]! : (weight * shares[index]!) / total;
      if (backend !== undefined && !found.has(backend.address))
        found.set(backend.address, { backend, share });
    }
  }
  return weighted([...found.values()]);
}

function backendOf(member: Node, tier: number, mapping: Mapping): Omit<Backend, "weight"> | undefined {
  const endpoint = member.node("endpoint");
  const target = mapAddress(endpoint?.node("address"), mapping, member);
  if (target === undefined) return undefined;
  const hostName =
    endpoint?.text("hostname") || (target.kind === "tcp" && isIP(target.host) === 0 ? target.host : "");
  return {
    address: formatAddress(target),
    target,
    tier,
    ...(hostName !== "" && { hostName: hostName.toLowerCase() }),
  };
}

/** Whole weights from 1 to {@link mostWeight}, in the proportion of the shares: as they are where they fit. */
function weighted(found: readonly Found[]): readonly Backend[] {
  const shares = found.map(({ share }) => share);
  const most = Math.max(...shares, 0);
  const fit = shares.every((share) => Number.isInteger(share) && share >= 1 && share <= mostWeight);
  const equal = shares.every((share) => share === most);
  const scale = fit || most === 0 ? 1 : mostWeight / most;
  return found.map(({ backend, share }) => ({
    ...backend,
    weight: equal ? 1 : Math.max(1, Math.round(share * scale)),
  }));
}
