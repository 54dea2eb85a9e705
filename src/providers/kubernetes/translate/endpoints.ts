import { isIP } from "node:net";
import { canonicalAddress, formatAddress, type SocketAddress } from "../../../lib/address.ts";
import type { Backend } from "../../../model/backend.ts";
import type { EndpointSlice, Service, ServicePort } from "../core.ts";

type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];

/**
 * The backends of a Service's port: its ready endpoints, or, where there is none, those that are being ended and serve still
 * (KEP-1669). Of two families of addresses, which are the same pods, one counts.
 */
export function backendsOf(
  service: Service,
  port: ServicePort,
  slices: readonly EndpointSlice[],
): readonly Backend[] {
  const families = familiesOf(service);
  for (const family of families) {
    const own = slices.filter(({ addressType }) => addressType === family);
    for (const usable of [isReady, isServing]) {
      const found = new Map<string, Backend>();
      for (const slice of own) addBackends(slice, port, usable, found);
      if (found.size > 0) return [...found.values()].sort(byAddress);
    }
  }
  return [];
}

/** An order that does not depend on when they came. */
const byAddress = (left: Backend, right: Backend): number => (left.address < right.address ? -1 : 1);

/** The Service's own family first. */
const familiesOf = ({ spec }: Service): readonly EndpointSlice["addressType"][] =>
  spec?.clusterIP?.includes(":") ? ["IPv6", "IPv4"] : ["IPv4", "IPv6"];

/** An unknown condition counts as ready, as the API says. */
const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready ?? true;
const isServing = ({ conditions }: Endpoint): boolean =>
  (conditions?.serving ?? false) && (conditions?.terminating ?? false);

function addBackends(
  { endpoints, ports }: EndpointSlice,
  port: ServicePort,
  usable: (endpoint: Endpoint) => boolean,
  found: Map<string, Backend>,
): void {
  const number = ports?.find(({ name = "" }) => name === (port.name ?? ""))?.port;
  if (number === undefined) return;
  for (const endpoint of endpoints ?? []) {
    const host = endpoint.addresses?.[0] ?? "";
    // One that is no address must not end what follows the others.
    if (isIP(host) === 0 || !usable(endpoint)) continue;
    const target: SocketAddress = canonicalAddress({ kind: "tcp", host, port: number });
    const address = formatAddress(target);
    if (!found.has(address)) found.set(address, { address, target, weight: 1, tier: 0 });
  }
}
