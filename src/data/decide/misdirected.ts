import type { Chains, Negotiated } from "./chains.ts";
import type { Peer } from "./router.ts";

/** The part of a listener that says what clients with another server name would have got. */
export interface NamingListener {
  readonly chains: Pick<Chains, "tellsApart">;
  /** How it terminates TLS, by the name of the settings. */
  terminationOf(settings: string): {
    /** Whether other certificates cover a host than those that a client with this name got, which do not. */
    coversApart(serverName: string, host: string): boolean;
  };
}

/**
 * Whether a request belongs on another connection (RFC 9110 section 15.5.20): its host has TLS of its own, of which this
 * connection has nothing. A host that no other certificate covers is served, and so is every host that the connection's
 * own certificate covers: browsers share connections among those (RFC 9113 section 9.1.1).
 * @param host lower case, without a port; empty where the request names none.
 */
export function isMisdirected(
  listener: NamingListener,
  negotiated: Negotiated,
  peer: Peer,
  host: string,
): boolean {
  const { settings, serverName } = negotiated;
  if (host === "" || host === serverName) return false;
  if (listener.chains.tellsApart(negotiated, host, peer)) return true;
  // A client that named nobody could not do better.
  return serverName !== "" && listener.terminationOf(settings).coversApart(serverName, host);
}
