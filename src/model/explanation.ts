import type { BackendState, Obstacle } from "./backend.ts";
import type { Protocol } from "./chain.ts";
import type { HttpExplanation, HttpQuestion } from "./http/explanation.ts";
import type { HttpRefusal } from "./http/refusals.ts";
import type { PickBasis, PickerType } from "./pool.ts";
import type { EndReason, HandshakeResult, RejectReason } from "./reasons.ts";

/** The connection that `umay explain` is asked about. */
export interface ExplainRequest {
  readonly listener: string;
  /** The client's IP address, IPv4-mapped ones unmapped; empty for a unix socket's client. */
  readonly client: string;
  /** The proxy in front, where the listener has `proxy_protocol`; undefined: a trusted one. */
  readonly via: string | undefined;
  /** In any spelling; empty without one. */
  readonly serverName: string;
  /** The protocols that the client offers, in its order. */
  readonly alpn: readonly string[];
  /** Undefined: the protocol that the listener is for. */
  readonly protocol: Protocol | undefined;
  /** On a connection that speaks HTTP; undefined: only the connection is asked about. */
  readonly http?: HttpQuestion | undefined;
}

/*
 * The types below are the JSON of `umay explain --json` and `GET /explain`. Its keys are stable, new ones may be added.
 * A stage that the connection does not reach is null.
 */

export interface Explanation {
  /** Whether the connection gets a backend, or waits for one. */
  readonly served: boolean;
  /** Why it is not served, a code of docs/reasons.md; null when it is served. */
  readonly reason: RejectReason | HandshakeResult | EndReason | HttpRefusal | null;
  readonly request: {
    readonly listener: string;
    readonly client: string;
    readonly via: string | null;
    /** As hellos are read: lower case, without a trailing dot. */
    readonly sni: string;
    readonly alpn: readonly string[];
    readonly protocol: Protocol;
  };
  /** The worker that answered, with the present state of its pickers; null when a file was asked. */
  readonly worker: number | null;
  readonly admission: AdmissionExplanation;
  readonly tls: TlsExplanation | null;
  readonly route: RouteExplanation | null;
  readonly pool: PoolExplanation | null;
  /** The fate of the request; null where only the connection was asked about. */
  readonly http: HttpExplanation | null;
  /** Further facts, in sentences. */
  readonly notes: readonly string[];
}

export interface AdmissionExplanation {
  readonly admitted: boolean;
  /** The rule that decides, as in the configuration: `deny 10.0.0.0/8`. */
  readonly rule: string;
  /** Null when it is admitted. */
  readonly reason: RejectReason | null;
}

export interface TlsExplanation {
  /** `none`: all bytes are relayed as they come, TLS or not, and no name is read. */
  readonly handling: "terminated" | "passed_through" | "none" | "refused";
  /** Null where it is not terminated. */
  readonly certificate: CertificateExplanation | null;
  /** The negotiated protocol; null for none. */
  readonly alpn: string | null;
  /** Whether the client has to show a certificate; null when it is not asked for one. */
  readonly client_auth: "optional" | "require" | null;
}

export interface CertificateExplanation {
  /** One file for each type of key; the client's signature algorithms decide. */
  readonly files: readonly string[];
  readonly by: "exact" | "wildcard" | "default";
  /** The certificates' name that matches; null when none does. */
  readonly name: string | null;
}

/** Why a route does not match: one of its conditions, or that TLS was not passed through when the hello had come. */
export type RouteMismatch = "sni" | "alpn" | "protocol" | "from" | "port" | "hello";

export interface RouteExplanation {
  readonly pool: string;
  /** The number of the route that matches, from 1; null when none does and the listener's own pool is used. */
  readonly matched: number | null;
  /** The routes up to the one that matches, or all; of many only the first. */
  readonly routes: readonly RouteTrial[];
  /** How many further routes were looked at. */
  readonly more: number;
}

export interface RouteTrial {
  readonly number: number;
  readonly sni: readonly string[];
  readonly alpn: readonly string[];
  readonly protocol: readonly Protocol[];
  /** Address ranges of clients. */
  readonly from: readonly string[];
  /** Ports that clients connect to. */
  readonly port: readonly string[];
  /** Empty: such connections are refused. */
  readonly pool: string;
  readonly passthrough: boolean;
  /** The conditions that do not hold; empty when the route matches. */
  readonly mismatches: readonly RouteMismatch[];
}

export interface PoolExplanation {
  readonly name: string;
  readonly picker: PickerType;
  readonly by: PickBasis;
  /** The hashed value; null for pickers without a key. */
  readonly key: string | null;
  /** The backend that would be picked; null when none may be, or chance decides. */
  readonly backend: string | null;
  /** The backend that is tried if the first can't be connected; null for none, or when chance decides. */
  readonly next: string | null;
  /** The session waits for room, or for the end of a first check, when no backend is free now. Null: it does not wait. */
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
  /** Why it may not be picked; `standby`: a backend of a lower tier may be. Null when it may be picked. */
  readonly skipped: Obstacle | "standby" | null;
  /** Its share of sessions like this one, from 0 to 1, found by trial and good to 0.02. Null where a key decides. */
  readonly share: number | null;
}
