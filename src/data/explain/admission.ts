import { AddressSet } from "../../lib/address-set.ts";
import { type Cidr, formatCidr } from "../../lib/cidr.ts";
import type { AdmissionExplanation } from "../../model/explanation.ts";
import type { ListenerLimits } from "../../model/listener.ts";
import type { AddressRefusal, RejectReason } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { type Occupancy, refusalOfAny } from "../accept/admission.ts";
import type { ServedListener } from "../plane.ts";

/** What `admit` and `admitAddress` would say, in their order. @param via undefined: a proxy that is trusted. */
export function explainAdmission(
  listener: ServedListener,
  occupancy: Occupancy,
  client: string,
  via: string | undefined,
): AdmissionExplanation {
  const { definition, addresses } = listener;
  if (via !== undefined && !listener.trusts(via))
    return refused("proxy_untrusted", `${via} is not in proxy_protocol.trust`);
  const ofAddress = (): AdmissionExplanation | undefined => {
    const reason = addresses?.refusal(client);
    return reason && refused(reason, addressRule(definition.limits, client, reason));
  };
  const ofAny = (): AdmissionExplanation | undefined => {
    const reason = refusalOfAny(listener, occupancy);
    return reason && refused(reason, occupancyRule(definition, reason));
  };
  // Whom a proxy speaks for is asked when its header has come.
  const refusal =
    definition.proxyProtocol === undefined ? (ofAddress() ?? ofAny()) : (ofAny() ?? ofAddress());
  return refusal ?? { admitted: true, rule: admittingRule(definition.limits, client), reason: null };
}

const refused = (reason: RejectReason, rule: string): AdmissionExplanation => ({
  admitted: false,
  rule,
  reason,
});

function addressRule(limits: ListenerLimits, client: string, reason: AddressRefusal): string {
  if (reason === "denied") {
    const denies = ruleFor(limits.deny, client);
    return denies === undefined ? `not in allow ${list(limits.allow)}` : `deny ${denies}`;
  }
  if (reason === "max_connections_per_ip") return `max_connections_per_ip = ${limits.maxConnectionsPerIp}`;
  const { connections, period, burst } = limits.connectionRatePerIp!;
  return `connection_rate_per_ip: ${connections} in ${period / 1000} s, burst ${burst}`;
}

function occupancyRule({ limits, maxConnections }: PlacedListener, reason: RejectReason): string {
  if (reason === "max_connections") return `max_connections = ${maxConnections}`;
  if (reason === "handshakes") return `max_handshakes = ${limits.maxHandshakes}`;
  return "the process's limit on open files";
}

function admittingRule({ allow, deny }: ListenerLimits, client: string): string {
  const allows = ruleFor(allow, client);
  if (allows !== undefined) return `allow ${allows}`;
  return deny.length === 0 ? "no rule is against it" : `not in deny ${list(deny)}`;
}

/** The first of the list that has the address. */
function ruleFor(cidrs: readonly Cidr[], client: string): string | undefined {
  const rule = client === "" ? undefined : cidrs.find((cidr) => new AddressSet([cidr]).has(client));
  return rule && formatCidr(rule);
}

const mostListed = 3;

function list(cidrs: readonly Cidr[]): string {
  const more = cidrs.length > mostListed ? `, and ${cidrs.length - mostListed} more` : "";
  return cidrs.slice(0, mostListed).map(formatCidr).join(", ") + more;
}
