import { mostConnections, openConnections } from "../../channel/memory.ts";
import { type Cidr, formatCidr } from "../../lib/cidr.ts";
import type { AdmissionExplanation } from "../../model/explanation.ts";
import type { AddressRefusal, RejectReason } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { acceptsNameless } from "../accept/addresses.ts";
import { AddressLists, rangeWith } from "../decide/address-lists.ts";
import { type AdmissionFacts, type OpenConnections, refusalOf } from "../decide/admission.ts";
import type { Plane, ServedListener } from "../plane.ts";

/** The counts that admission looks at. */
export type Occupancy = Pick<Plane, "shared" | "handshakes">;

/** A client that asks to be admitted. */
interface Applicant {
  readonly client: string;
  /** Undefined: a proxy that is trusted. */
  readonly via: string | undefined;
}

/** Whether a connection would be admitted now, and the rule that says so. Nothing is counted. */
export function explainAdmission(
  listener: ServedListener,
  occupancy: Occupancy,
  applicant: Applicant,
): AdmissionExplanation {
  const reason = refusalOf(listener, new Look(listener, occupancy, applicant));
  const rule = rules[reason ?? "admitted"](listener.definition, applicant);
  return { admitted: reason === undefined, rule, reason: reason ?? null };
}

/** The facts as they are, without counting anybody in. */
class Look implements AdmissionFacts {
  readonly #listener: ServedListener;
  readonly #occupancy: Occupancy;
  readonly #applicant: Applicant;

  constructor(listener: ServedListener, occupancy: Occupancy, applicant: Applicant) {
    this.#listener = listener;
    this.#occupancy = occupancy;
    this.#applicant = applicant;
  }

  trusted(): boolean {
    const { via } = this.#applicant;
    return via === undefined || this.#listener.trusts(via);
  }

  addressRefusal(): AddressRefusal | undefined {
    return this.#listener.addresses?.refusal(this.#applicant.client);
  }

  handshakes(): number {
    return this.#occupancy.handshakes[this.#listener.definition.slot]!;
  }

  openConnections(): OpenConnections {
    const { process, listenerActive } = this.#occupancy.shared;
    return {
      inListener: Atomics.load(listenerActive, this.#listener.definition.slot),
      inProcess: Atomics.load(process, openConnections),
      mostInProcess: process[mostConnections]!,
    };
  }
}

type Rule = (definition: PlacedListener, applicant: Applicant) => string;

/** The rule behind each answer, as the configuration has it. */
const rules: Readonly<Record<RejectReason | "admitted", Rule>> = {
  admitted: listRule,
  denied: listRule,
  proxy_untrusted: (_, { via }) => `${via} is not in proxy_protocol.trust`,
  max_connections_per_ip: ({ limits }) => `max_connections_per_ip = ${limits.maxConnectionsPerIp}`,
  connection_rate_per_ip({ limits }) {
    const { connections, period, burst } = limits.connectionRatePerIp!;
    return `connection_rate_per_ip: ${connections} in ${period / 1000} s, burst ${burst}`;
  },
  handshakes: ({ limits }) => `max_handshakes = ${limits.maxHandshakes}`,
  max_connections: ({ maxConnections }) => `max_connections = ${maxConnections}`,
  file_descriptors: () => "the process's limit on open files",
};

function listRule(definition: PlacedListener, { client }: Applicant): string {
  const { limits } = definition;
  const { list, listed } = new AddressLists(limits, acceptsNameless(definition)).judge(client);
  if (list === undefined) return "no rule is against it";
  return listed ? `${list} ${rangeWith(limits[list], client)}` : `not in ${list} ${some(limits[list])}`;
}

const mostListed = 3;

function some(cidrs: readonly Cidr[]): string {
  const more = cidrs.length > mostListed ? `, and ${cidrs.length - mostListed} more` : "";
  return cidrs.slice(0, mostListed).map(formatCidr).join(", ") + more;
}
