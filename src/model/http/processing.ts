import type { TextTest } from "./match.ts";

/**
 * How a processor gets a body. `streamed`: in parts, each of which it answers; `buffered`: as a whole; `partial`: as a whole up
 * to the limit, and what comes behind that goes on without it; `duplex`: in parts, for which it sends others as it likes.
 */
export const bodyModes = ["none", "streamed", "buffered", "partial", "duplex"] as const;
export type BodyMode = (typeof bodyModes)[number];

/** The parts of a request, or of its answer, that a processor gets. */
export interface SideMode {
  readonly head: boolean;
  readonly body: BodyMode;
  readonly trailers: boolean;
}

export interface ProcessingMode {
  readonly request: SideMode;
  readonly response: SideMode;
}

/** The fields that a processor may change. Tests are regular expressions for the whole name in lower case. */
export interface ChangeRules {
  /** Also Host, `:authority`, `:method` and `:scheme`. */
  readonly routing: boolean;
  /** Also names that begin with `x-envoy`. */
  readonly internal: boolean;
  /** Names that begin with a colon. */
  readonly system: boolean;
  /** Any at all that `allow` does not take. */
  readonly others: boolean;
  readonly allow: TextTest | undefined;
  readonly deny: TextTest | undefined;
  /** Whether a change that is not allowed ends the request, rather than that it is left out. */
  readonly strict: boolean;
}

/** The target of questions to a processor that is asked over HTTP. */
export interface HttpTerms {
  /** With its port, where it is not the usual one. */
  readonly host: string;
  /** In normal form. */
  readonly path: string;
  /** With its question mark; empty: there is none. */
  readonly query: string;
}

/** Has a server look at requests and their answers, which may change them or answer itself: Envoy's `ext_proc`. */
export interface Processor {
  readonly kind: "process";
  readonly name: string;
  /** Of several with this text, one alone has a say in a request: they are one processor under different terms. */
  readonly filter: string;
  /** The pool whose backends are asked. */
  readonly pool: string;
  /** It is asked over HTTP, in JSON, about heads alone; undefined: over gRPC. */
  readonly http?: HttpTerms;
  /** Lines that its calls have, each with its CRLF. */
  readonly lines: string;
  readonly mode: ProcessingMode;
  /** The modes that it may choose for a request; `any`: all of them. */
  readonly modes: readonly ProcessingMode[] | "any";
  /** For one answer, in milliseconds. */
  readonly timeout: number;
  /** The most that it may ask for in place of that; 0: it may not. */
  readonly longestTimeout: number;
  /** The fate of a request for which it fails. */
  readonly onFailure: "refuse" | "pass";
  /** Of the answer to requests that are refused then, unless it was too slow. */
  readonly failureStatus: number;
  /** Bytes of a body that wait for it at most. */
  readonly buffer: number;
  /** Names of fields that it gets: one of the first (empty: all of them), and none of the second. */
  readonly sees: { readonly only: readonly TextTest[]; readonly never: readonly TextTest[] };
  readonly rules: ChangeRules;
  /** Facts that it gets with the first message about a request, and about an answer. */
  readonly facts: {
    readonly request: readonly ProcessingFact[];
    readonly response: readonly ProcessingFact[];
  };
  /** It only looks on: nobody waits for it, and what it says does not count. */
  readonly looksOn: boolean;
  /** Whether it may answer a request itself. */
  readonly mayAnswer: boolean;
  /** Whether the route is chosen anew behind it: where it asks for that, always, or never. */
  readonly reroutes: "asked" | "always" | "never";
  /** Parts of a body that is streamed go to it before it has answered the head. */
  readonly sendsEarly: boolean;
}

/** Envoy's attributes that umay knows. */
export const processingFacts = [
  "request.path",
  "request.url_path",
  "request.query",
  "request.host",
  "request.scheme",
  "request.method",
  "request.headers",
  "request.referer",
  "request.useragent",
  "request.time",
  "request.id",
  "request.protocol",
  "response.code",
  "response.headers",
  "source.address",
  "source.port",
  "destination.address",
  "destination.port",
  "connection.requested_server_name",
  "connection.tls_version",
  "connection.mtls",
  "connection.subject_peer_certificate",
  "connection.uri_san_peer_certificate",
  "upstream.address",
  "xds.cluster_name",
  "xds.route_name",
] as const;
export type ProcessingFact = (typeof processingFacts)[number];
