import type { KeySet } from "../../lib/key-set.ts";
import type { ClientRule } from "../client-auth.ts";
import type { FileSource } from "../material.ts";
import type { Condition } from "./condition.ts";
import type { TextTest } from "./match.ts";
import type { Processor } from "./processing.ts";
import type { Users } from "./users.ts";

/** Lets in clients whose certificate fits. */
export interface MtlsAuth {
  readonly kind: "mtls";
  readonly name: string;
  /** One that fits is enough. Undefined: every certificate that the listener has accepted. */
  readonly allow: readonly ClientRule[] | undefined;
}

/** Lets in users by their password (RFC 7617). */
export interface BasicAuth {
  readonly kind: "basic";
  readonly name: string;
  /** For clients, without a quotation mark. */
  readonly realm: string;
  readonly users: Users;
}

/** How a token may be signed (RFC 7518 section 3.1, RFC 8037, RFC 9864): never with a secret, and never not at all. */
export const jwtAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;
export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

/** Where a request may have its token; `bearer`: in Authorization (RFC 6750 section 2.1). Header names are in lower case. */
export type TokenPlace =
  | { readonly kind: "bearer" }
  | { readonly kind: "cookie" | "query"; readonly name: string }
  /** Behind `prefix`, where there is one: without it, there is no token. */
  | { readonly kind: "header"; readonly name: string; readonly prefix?: string };

/** A claim that has to have one of these values. */
export interface ClaimRule {
  readonly name: string;
  readonly values: readonly string[];
}

/** Lets in whoever has a signed token (JWT, RFC 7519). */
export interface JwtAuth {
  readonly kind: "jwt";
  readonly name: string;
  readonly keys:
    | { readonly kind: "set"; readonly source: FileSource; readonly set: KeySet }
    /** Fetched by each worker, again after `refresh` milliseconds. */
    | { readonly kind: "url"; readonly url: string; readonly refresh: number };
  readonly algorithms: readonly JwtAlgorithm[];
  /** Any of these; empty: whoever has the keys. */
  readonly issuer: readonly string[];
  /** Any of these; empty: not looked at. */
  readonly audience: readonly string[];
  /** How far apart clocks may be, in milliseconds. */
  readonly skew: number;
  /** The first place that has a token counts. */
  readonly from: readonly TokenPlace[];
  /** All of them. */
  readonly claims: readonly ClaimRule[];
  /** The claim that says who the client is. */
  readonly user: string;
}

/** The part of a request's body that a server is asked with. */
export interface AskedBody {
  /** In bytes, at least 1. */
  readonly most: number;
  /** Of a longer one the server gets the begin; without this the request is refused with 413. */
  readonly mayBePart: boolean;
  /** Over gRPC it goes as bytes, rather than as a text in which bytes that are none are replaced. */
  readonly asBytes: boolean;
}

/** Fields of a server's answers that go on, beside those that are named as a whole. */
export interface PassedFields {
  /** Of a good one to the backend, in place of the request's. */
  readonly replaced: readonly TextTest[];
  /** The same, beside the request's. */
  readonly appended: readonly TextTest[];
  /** Of a good one to the client. */
  readonly client: readonly TextTest[];
  /** Of another one to the client; undefined: all of them. */
  readonly refused: readonly TextTest[] | undefined;
}

/** Lets in whomever a server lets in, which is asked about each request. */
export interface ForwardAuth {
  readonly kind: "forward";
  readonly name: string;
  /** The pool whose backends are asked. */
  readonly pool: string;
  /** In normal form. */
  readonly path: string;
  /**
   * `same`: the server is asked with the request's own method, path and query, behind `path`. Undefined: with a GET for `path`
   * alone, with the request's own in fields. `grpc`: it is called over gRPC, as Envoy calls `ext_authz`, and says itself which
   * fields change.
   */
  readonly asks?: "same" | "grpc";
  /** Lines that each question has, each with its CRLF; they take the place of the request's of the same name. */
  readonly lines?: string;
  /** The part of the request's body that the server gets; undefined: none. */
  readonly body?: AskedBody;
  /** Fields of the request that the server gets, by their names in lower case; undefined: all that are its business. */
  readonly sees?: {
    /** Undefined: all of them. */
    readonly only: readonly TextTest[] | undefined;
    readonly never: readonly TextTest[];
  };
  /** Further fields of its answers, by their names in lower case. */
  readonly passes?: PassedFields;
  /** Things that a call over gRPC tells besides the request. */
  readonly tells?: {
    /** Texts by their names. */
    readonly context: Readonly<Record<string, string>>;
    readonly certificate: boolean;
    readonly serverName: boolean;
  };
  /** Backends learn of requests that pass because nobody could be asked, by `x-envoy-auth-failure-mode-allowed: true`. */
  readonly marksFailure?: boolean;
  /** The route is chosen anew where an answer has changed fields of the request. */
  readonly reroutes?: boolean;
  /** Of several with this text, a request passes one alone: they are one server under different terms. */
  readonly filter?: string;
  /** A change of a call's answer that no field may have makes it no answer, rather than that it is left out. */
  readonly strict?: boolean;
  /** Fields of a good answer that backends get, in lower case. No client can set one of them. The first says who the client is. */
  readonly copy: readonly string[];
  /** Fields of a good answer that clients get. */
  readonly copyResponse: readonly string[];
  /** Asks about so many of a hundred requests, by chance; `others` says what becomes of the rest. Undefined: about all. */
  readonly share?: { readonly percent: number; readonly others: "refuse" | "pass" };
  /** In milliseconds, from the question to the whole answer. */
  readonly timeout: number;
  /** The fate of requests that nobody could be asked about. */
  readonly onFailure: "refuse" | "pass";
  /** Of the answer to requests that are refused then; undefined: 503. */
  readonly failureStatus?: number;
}

/** A part of a key by which requests are counted. Header names are in lower case. */
export type LimitKeyPart =
  | (LimitKeyValue & {
      /** The value that it must have, of `client-ip` a range of addresses: then it does not tell keys apart. Undefined: any. */
      readonly is?: string;
    })
  /** A request has it or not: it does not tell keys apart. */
  | { readonly kind: "condition"; readonly when: Condition };

export type LimitKeyValue =
  /** The network of the client's address, by the length of its prefix: of IPv4 up to 32 bits, of IPv6 up to 64, or 128. */
  | { readonly kind: "client-ip"; readonly v4: number; readonly v6: number }
  | { readonly kind: "header" | "cookie" | "claim" | "query"; readonly name: string }
  | { readonly kind: "user" | "route" | "connection" };

/** A Redis or Valkey, in which machines tell each other what their limits have let through. */
export interface SharedStore {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** CAs in PEM, undefined: those that Node knows. Without it, TLS is not spoken. */
  readonly tls: { readonly ca: string | undefined } | undefined;
  /** The begin of the names of its keys. */
  readonly prefix: string;
  /** Time that it has to answer, in milliseconds. No request waits for that. */
  readonly timeout: number;
}

/** A rate, as a token bucket. */
export interface LimitRate {
  /** Per period in milliseconds. */
  readonly rate: { readonly requests: number; readonly period: number };
  /** Requests that pass at once after a pause; 0: none ever does. */
  readonly burst: number;
}

/** A rate for requests that have all parts of a key. An empty field is a value here. */
export interface KeyedRate extends LimitRate {
  readonly key: readonly LimitKeyPart[];
  /** Rates of this name share their counts. */
  readonly name: string;
  /** Tokens that a request takes, at least 1. */
  readonly cost: number;
  /** Whether it only counts, and refuses nothing. */
  readonly looksOn?: boolean;
  /** Whether answers tell of it; undefined: as the limit has it. */
  readonly tells?: boolean;
}

/** Holds requests to a rate, or to a number at a time, each key for itself. */
export interface RateLimit {
  readonly kind: "rate-limit";
  readonly name: string;
  /** The first combination of which a request has every part; without one it is not counted. */
  readonly key: readonly (readonly LimitKeyPart[])[];
  /** Undefined: no limit. */
  readonly rate: LimitRate["rate"] | undefined;
  readonly burst: number;
  /** Of each group the first counts whose key a request has: all of these have to have room, the slowest first. */
  readonly rates?: readonly (readonly KeyedRate[])[];
  /** Whether `rate` counts as well for requests for which one of `rates` does. */
  readonly always?: boolean;
  /** The most under way; undefined: no limit. */
  readonly concurrent: number | undefined;
  /** How many keys are remembered, at least. */
  readonly keys: number;
  /** Which answers tell clients of the limit. */
  readonly fields: "refused" | "always" | "never";
  /** Undefined: as the draft has them, `RateLimit` and `RateLimit-Policy`. */
  readonly form?: "x-ratelimit";
  /** How many of a hundred requests are counted, by chance; undefined: all. */
  readonly counted?: number;
  /** How many of a hundred requests that it has no room for are refused, by chance; undefined: all. */
  readonly enforced?: number;
  /** Fields for backends, as lines, of requests that it has no room for and that are not refused, in place of those that `replaces` names. */
  readonly spared?: { readonly lines: string; readonly replaces: readonly string[] };
  /** Limits of this name share their counts, and a request passes one of them alone; undefined: it has counts of its own. */
  readonly counts?: string;
  /** How refused requests are answered, with further fields as lines; undefined: with 429. */
  readonly refusal?: { readonly status: number; readonly lines: string };
  /** Where machines share the counts of the rate; undefined: each counts for itself. */
  readonly store?: SharedStore;
}

/** A limit whose rate machines share. */
export type SharedLimit = RateLimit & {
  readonly rate: NonNullable<RateLimit["rate"]>;
  readonly store: SharedStore;
};

export const isShared = (guard: Guard): guard is SharedLimit =>
  guard.kind === "rate-limit" && guard.rate !== undefined && guard.store !== undefined;

/** A rule about who may do what. */
export interface AccessRule {
  /** For log and explanations. */
  readonly name: string;
  readonly when: Condition;
  readonly allows: boolean;
}

/** Lets in by rules: the first that a request meets decides. */
export interface AccessRules {
  readonly kind: "rules";
  readonly name: string;
  readonly rules: readonly AccessRule[];
  /** Whether requests that meet none of them are let in. */
  readonly otherwise: boolean;
}

/** How many requests a fault is for, by chance. */
export interface FaultShare {
  /** Of a hundred requests. */
  readonly percent: number;
  /** For faults that requests ask for: one in the field that asks for a smaller share, in percent. */
  readonly unit: number;
}

/** The answer in place of a backend's. */
export interface FaultAnswer {
  /** From 200 to 599. */
  readonly status: number;
  /** For clients of gRPC; undefined: as `status` has it. */
  readonly grpc?: number;
  /** The body; undefined: that of Envoy's faults. */
  readonly text?: string;
}

/**
 * Holds up a part of the requests, and answers a part in place of a backend, so that others can find out what becomes of whoever
 * asks. `field`: requests say in fields of Envoy's (`x-envoy-fault-…`) what is to become of them.
 */
export interface Fault {
  readonly kind: "fault";
  readonly name: string;
  /** For which requests. */
  readonly when: Condition;
  /** In milliseconds, up to an hour. */
  readonly delay?: FaultShare & { readonly time: number | "field" };
  readonly abort?: FaultShare & { readonly answer: FaultAnswer | "field" };
  /** The most requests that are held up at a time, over all workers: with so many, others get no fault. Undefined: no limit. */
  readonly most?: number;
}

/** Something that requests have to pass before they go where their route leads. `name` is unique: `auth.staff`. */
export type Guard =
  | AccessRules
  | BasicAuth
  | Fault
  | ForwardAuth
  | JwtAuth
  | MtlsAuth
  | Processor
  | RateLimit;

/** Names of guards. Of each group one has to let a request in: they are asked in this order, and the first that does is enough. */
export type GuardGroups = readonly (readonly string[])[];

/** A guard's kind and its own name, of `auth.staff`: `auth` and `staff`. */
export function partsOfName(name: string): readonly [kind: string, name: string] {
  const dot = name.indexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)];
}

/** Tables with other guards of these names. */
export function withGuards<Table extends { readonly guards: readonly Guard[] }>(
  tables: readonly Table[],
  renewed: ReadonlyMap<string, Guard>,
): (Omit<Table, "guards"> & { readonly guards: readonly Guard[] })[] {
  return tables.map((table) => ({
    ...table,
    guards: table.guards.map((guard) => renewed.get(guard.name) ?? guard),
  }));
}
