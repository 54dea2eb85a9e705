import type { SocketAddress } from "../../lib/address.ts";
import type { Path } from "../../lib/findings.ts";

/**
 * Something about a model that its provider must hear: a contradiction, or a part that has no effect. `path` leads to
 * the part, from the model's root down, with names instead of indexes for listeners, chains and pools. The provider knows where
 * that part came from, decides whether it can go on with it, and says it in the words of its users.
 */
export type ModelFinding = { readonly path: Path } & (
  | BindTaken
  | { readonly kind: "duplicate_name"; readonly name: string }
  /** Nobody defines this pool. */
  | { readonly kind: "unknown_pool"; readonly pool: string }
  /** No listener sends sessions to this pool. */
  | { readonly kind: "unused_pool" }
  /** A configured backend is the address of this listener, whose connections come back to the backend's pool. */
  | { readonly kind: "leads_back"; readonly address: string; readonly listener: string }
  /** The picker hashes server names. These listeners know none, so all their sessions go to one backend. */
  | { readonly kind: "hashes_no_name"; readonly listeners: readonly string[] }
  /** A chain without a condition that is not the last: later ones never match. */
  | { readonly kind: "takes_all" }
  /** Nothing reaches this rule: an earlier one, `by`, takes all of it. */
  | { readonly kind: "rule_hidden"; readonly by: string }
  /** This rule has the conditions of an earlier one, `by`. */
  | { readonly kind: "rule_twice"; readonly by: string }
  /** TLS is terminated for a server name that no certificate of the listener covers. */
  | { readonly kind: "name_uncovered"; readonly name: string }
  /** TLS settings that the listener does not have. */
  | { readonly kind: "unknown_tls" }
  /** Some connections find no chain. */
  | { readonly kind: "leaves_some" }
  /** A condition on what clients speak, where that is not found out. */
  | { readonly kind: "protocol_not_detected" }
  /** A condition on the content of TLS, where TLS is neither terminated nor read. */
  | { readonly kind: "needs_tls" }
  /** Application protocols that are never negotiated, because TLS is terminated without them. */
  | { readonly kind: "never_negotiated"; readonly protocols: readonly string[] }
  /** Clients must show a certificate, but clients without TLS are let in without one. */
  | { readonly kind: "lets_plain_in" }
  | HttpFinding
);

/** Something about routes for HTTP; their paths begin with `routes` and the route's name. */
export type HttpFinding =
  /** Two routes take the same requests of a host, and only their names say which comes first. */
  | { readonly kind: "equal_matches"; readonly other: string; readonly host: string }
  /** Other routes, of which `by` is one, take all that this one would. */
  | { readonly kind: "never_reached"; readonly by: string }
  /** The redirect leads to itself. */
  | { readonly kind: "redirect_loop" }
  /** No certificate of the listener covers the host. */
  | { readonly kind: "no_certificate"; readonly host: string; readonly listener: string }
  /** A backend may take longer for its first byte than a request may be silent. */
  | { readonly kind: "idle_first" }
  /** Nothing speaks TLS at the port that clients are sent to. */
  | { readonly kind: "no_https"; readonly port: number }
  /** A certificate of the client would let in, and this listener asks for none. */
  | { readonly kind: "asks_no_certificate"; readonly listener: string }
  /** Keys are named to be hashed, and the pools hash none. */
  | { readonly kind: "hashes_nothing" }
  /** The route is for calls of gRPC, and this pool's backends speak HTTP/1.1 alone. */
  | { readonly kind: "calls_http1"; readonly pool: string };

/** An address that overlaps with an earlier one. */
interface BindTaken {
  readonly kind: "bind_taken";
  readonly address: SocketAddress;
  readonly by: { readonly path: Path; readonly address: SocketAddress };
}
