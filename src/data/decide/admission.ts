import type { AddressRefusal, RejectReason } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";

/** The part of a listener that says how many connections it takes. */
export interface AdmittingListener {
  readonly definition: Pick<PlacedListener, "limits" | "maxConnections" | "proxyProtocol">;
  /** Whether its connections begin with a handshake, or with a client's first bytes. */
  readonly secures: boolean;
}

/** Connections that are open over all workers, without the new one. */
export interface OpenConnections {
  readonly inListener: number;
  readonly inProcess: number;
  /** How many the process may have. */
  readonly mostInProcess: number;
}

/**
 * The facts of an admission. They are asked for one after the other, and only until one of them refuses: the data path
 * counts the connection in while it is asked, and takes back what it has counted if the connection is refused.
 */
export interface AdmissionFacts {
  /** Whether the peer may say whom its connections are for; true where nobody is asked. */
  trusted(): boolean;
  /** Why the client's address is refused; undefined: it is not. */
  addressRefusal(): AddressRefusal | undefined;
  /** Handshakes that this worker has under way in the listener, without the new one. */
  handshakes(): number;
  openConnections(): OpenConnections;
}

const noLimit = 2 ** 31 - 1;

/** Why a connection is refused as soon as it is accepted; undefined: it is admitted. */
export function refusalAtAccept(
  listener: AdmittingListener,
  facts: AdmissionFacts,
): RejectReason | undefined {
  if (!facts.trusted()) return "proxy_untrusted";
  const { proxyProtocol, limits, maxConnections } = listener.definition;
  // Behind a proxy, the client's address comes with the header.
  const refusal = proxyProtocol === undefined ? facts.addressRefusal() : undefined;
  if (refusal !== undefined) return refusal;
  if (listener.secures && facts.handshakes() >= limits.maxHandshakes) return "handshakes";
  const { inListener, inProcess, mostInProcess } = facts.openConnections();
  if (inListener >= (maxConnections ?? noLimit)) return "max_connections";
  return inProcess >= mostInProcess ? "file_descriptors" : undefined;
}

/** Why a connection is refused by the time it is known whom it is for; undefined: it is admitted. */
export function refusalOf(listener: AdmittingListener, facts: AdmissionFacts): RejectReason | undefined {
  const refusal = refusalAtAccept(listener, facts);
  if (refusal !== undefined || listener.definition.proxyProtocol === undefined) return refusal;
  return facts.addressRefusal();
}
