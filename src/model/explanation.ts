import type { BackendState, Obstacle } from "./backend.ts";
import type { Protocol } from "./chain.ts";
import type { PickBasis, PickerType } from "./pool.ts";
import type { EndReason, HandshakeResult, RejectReason } from "./reasons.ts";

/** A connection as `umay explain` is asked about it. */
export interface ExplainRequest {
  readonly listener: string;
  /** The client's IP address, IPv4-mapped ones unmapped; empty for a unix socket's client. */
  readonly client: string;
  /** The proxy that brings it, where the listener has `proxy_protocol`; undefined: one that is trusted. */
  readonly via: string | undefined;
  /** However it is spelt; empty without one. */
  readonly serverName: string;
  /** What the client offers, in its order. */
  readonly alpn: readonly string[];
  /** Undefined: what the listener is for. */
  readonly protocol: Protocol | undefined;
}

/*
 * What follows is the JSON of `umay explain --json` and `GET /explain`: its keys are stable, new ones may be added.
 * A stage that the connection does not come to is null.
 */

export interface Explanation {
  /** Whether there is a backend for it, or it waits for one. */
  readonly served: boolean;
  /** Why it is not served: a code of docs/reasons.md. Null: it is. */
  readonly reason: RejectReason | HandshakeResult | EndReason | null;
  readonly request: {
    readonly listener: string;
    readonly client: string;
    readonly via: string | null;
    /** As hellos are read: lower case, without a trailing dot. */
    readonly sni: string;
    readonly alpn: readonly string[];
    readonly protocol: Protocol;
  };
  /** Of the running umay, whose place in its pickers is told; null: from a file. */
  readonly worker: number | null;
  readonly admission: AdmissionExplanation;
  readonly tls: TlsExplanation | null;
  readonly route: RouteExplanation | null;
  readonly pool: PoolExplanation | null;
  /** What else there is to know, in sentences. */
  readonly notes: readonly string[];
}

export interface AdmissionExplanation {
  readonly admitted: boolean;
  /** What decides, as the configuration has it: `deny 10.0.0.0/8`. */
  readonly rule: string;
  /** Null: it is admitted. */
  readonly reason: RejectReason | null;
}

export interface TlsExplanation {
  /** `none`: what comes is relayed as it comes, TLS or not, and no name is read. */
  readonly handling: "terminated" | "passed_through" | "none" | "refused";
  /** Null where it is not terminated. */
  readonly certificate: CertificateExplanation | null;
  /** The protocol that is agreed on; null: none. */
  readonly alpn: string | null;
  /** Whether the client has to show a certificate; null: it is not asked for one. */
  readonly client_auth: "optional" | "require" | null;
}

export interface CertificateExplanation {
  /** One for each type of key; the client's signature algorithms decide. */
  readonly files: readonly string[];
  readonly by: "exact" | "wildcard" | "default";
  /** The name of theirs that matches; null: none does. */
  readonly name: string | null;
}

/** Why a route does not match: one of its conditions, or that TLS was not passed through when the hello had come. */
export type RouteMismatch = "sni" | "alpn" | "protocol" | "hello";

export interface RouteExplanation {
  readonly pool: string;
  /** The number of the route that matches, from 1; null: none does, and the listener's own pool is meant. */
  readonly matched: number | null;
  /** Up to the one that matches, or all; of many only the first. */
  readonly routes: readonly RouteTrial[];
  /** How many further ones were looked at. */
  readonly more: number;
}

export interface RouteTrial {
  readonly number: number;
  readonly sni: readonly string[];
  readonly alpn: readonly string[];
  readonly protocol: readonly Protocol[];
  readonly pool: string;
  readonly passthrough: boolean;
  /** Which of its conditions do not hold; empty: it matches. */
  readonly mismatches: readonly RouteMismatch[];
}

export interface PoolExplanation {
  readonly name: string;
  readonly picker: PickerType;
  readonly by: PickBasis;
  /** What is hashed; null for pickers without a key. */
  readonly key: string | null;
  /** The one that would be picked; null: none may be, or chance decides. */
  readonly backend: string | null;
  /** The one that is tried when that one can't be connected; null: none, or chance decides. */
  readonly next: string | null;
  /** What it waits for, because no backend can be had at once: room, or the end of a first check. Null: it does not wait. */
  readonly waits: "room" | "check" | null;
  /** Too few backends are up, so that health is ignored. */
  readonly fails_open: boolean;
  readonly backends: readonly BackendExplanation[];
}

export interface BackendExplanation {
  readonly address: string;
  readonly weight: number;
  /** 0 for primaries, more for backups. */
  readonly tier: number;
  readonly state: BackendState;
  /** Connections to it, over all workers. */
  readonly connections: number;
  /** Why it can't be picked; `standby`: one of a lower tier may be. Null: it can. */
  readonly skipped: Obstacle | "standby" | null;
  /** Of sessions like this one, from 0 to 1, tried out: good to 0.02. Null where a key decides. */
  readonly share: number | null;
}
