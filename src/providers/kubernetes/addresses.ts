import { isIP } from "node:net";
import type { KubernetesSettings } from "../../model/kubernetes.ts";
import type { GatewayAddress } from "./gateway-api.ts";
import type { Cluster } from "./objects.ts";

/** Where clients reach umay: as the configuration says, or at the Service in front of it. */
export function addressesOf(
  { addresses, service }: KubernetesSettings,
  { services }: Cluster,
): readonly GatewayAddress[] {
  const known =
    addresses.length > 0 || service === undefined ? addresses : serviceAddresses(services.get(service));
  return known.map((value) => ({ type: isIP(value) === 0 ? "Hostname" : "IPAddress", value }));
}

/** Those of its load balancer, or those that it has itself. */
function serviceAddresses(service: ReturnType<Cluster["services"]["get"]>): readonly string[] {
  const { status, spec } = service ?? {};
  const balanced = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
  if (balanced.length > 0) return balanced;
  const { externalIPs = [], clusterIP = "None" } = spec ?? {};
  if (externalIPs.length > 0) return externalIPs;
  return clusterIP === "None" || clusterIP === "" ? [] : [clusterIP];
}
