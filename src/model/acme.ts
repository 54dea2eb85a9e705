import type { PairSource } from "./material.ts";

/** How a certificate authority is shown that a name is ours: RFC 8555 sections 8.3 and 8.4, RFC 8737. */
export const challengeTypes = ["tls-alpn-01", "http-01", "dns-01"] as const;
export type ChallengeType = (typeof challengeTypes)[number];

export const acmeKeyTypes = ["p256", "p384", "rsa2048", "rsa4096"] as const;
export type AcmeKeyType = (typeof acmeKeyTypes)[number];

/** Ties a new account to one that the authority knows already (RFC 8555 section 7.3.4). */
export interface ExternalAccount {
  readonly keyId: string;
  /** The file with the HMAC key, in base64url. */
  readonly keyFile: string;
}

/** How records of DNS are set and unset, for dns-01. */
export interface DnsSettings {
  /** A program of the operator's, absolute, and its first arguments. */
  readonly command: readonly string[];
  /** Its variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** Time that it may take, in milliseconds. */
  readonly timeout: number;
  /** The longest time until a record is seen; then the authority is asked all the same, in milliseconds. */
  readonly propagation: number;
  /** `ip:port` of each server where it is to be seen; empty: the system's. */
  readonly nameservers: readonly string[];
}

/** An authority that issues certificates over ACME, and how it is used. */
export interface AcmeSettings {
  /** The URL of its directory. */
  readonly directory: string;
  /** The URL of a directory where an order is tried first after one failed; undefined: there is none. */
  readonly trial: string | undefined;
  /** As URLs: `mailto:ops@example.com`. */
  readonly contact: readonly string[];
  /** The folder with accounts, certificates and challenges, which several machines may share. Absolute. */
  readonly storage: string;
  /** The CAs that the directory's own certificate may be of, PEM; undefined: those of Node. */
  readonly ca: { readonly file: string; readonly pem: string } | undefined;
  readonly externalAccount: ExternalAccount | undefined;
  readonly keyType: AcmeKeyType;
  /** As the authority names it (draft-ietf-acme-profiles); undefined: its default. */
  readonly profile: string | undefined;
  /** The time that other machines have to see a challenge in the storage, in milliseconds. */
  readonly propagation: number;
  /** Undefined: there is no dns-01. */
  readonly dns: DnsSettings | undefined;
}

/** The certificates that a listener wants from the authority: one for each name, but one for a wildcard and the name above it. */
export interface WantedCertificates {
  readonly challenge: ChallengeType;
  readonly certificates: readonly WantedCertificate[];
}

export interface WantedCertificate {
  /** The first of {@link names}, by which it is known. */
  readonly name: string;
  /** Lower case. */
  readonly names: readonly string[];
  /** The file of the storage that has, or will have, the chain and its key. */
  readonly source: PairSource;
}

/** The answers that a worker gives while an authority looks. */
export type Challenge =
  | { readonly type: "http-01"; readonly name: string; readonly token: string; readonly answer: string }
  | {
      readonly type: "tls-alpn-01";
      readonly name: string;
      /** A certificate of our own that says what the authority expects, and its key; PEM. */
      readonly cert: string;
      readonly key: string;
    };

/** A record of type TXT that an authority is to find (RFC 8555 section 8.4). */
export interface DnsRecord {
  readonly type: "dns-01";
  /** Of the record, such as `_acme-challenge.example.com`. */
  readonly name: string;
  readonly value: string;
}

/** Where clients of HTTP look for the answer of an http-01 challenge. */
export const challengePath = "/.well-known/acme-challenge/";
/** The protocol of ALPN by which an authority asks for the answer of a tls-alpn-01 challenge. */
export const challengeProtocol = "acme-tls/1";

/** How it stands with one certificate. */
export interface AcmeState {
  readonly name: string;
  readonly listeners: readonly string[];
  /** `waiting`: there is none yet. `valid`: there is one. `due`: there is one, and it is being renewed. `failing`: the last try failed. */
  readonly state: "waiting" | "valid" | "due" | "failing";
  /** In milliseconds since 1970; undefined: there is none. */
  readonly notAfter: number | undefined;
  /** When the next try is made, in milliseconds since 1970. */
  readonly next: number | undefined;
  /** Tries in a row that failed. */
  readonly failures: number;
  /** Why the last try failed. */
  readonly error: string | undefined;
}
