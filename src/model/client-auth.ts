import type { Cidr } from "../lib/cidr.ts";
import type { Authorities, RevocationLists } from "./material.ts";

/** A rule of an allow-list, about one property of the client's own certificate. */
export type ClientRule =
  /** Its SPIFFE ID; `/*` at the end stands for every path below. */
  | { readonly kind: "spiffe"; readonly id: string }
  /** One of its DNS names, lower case; `*.example.com` stands for every name below example.com. */
  | { readonly kind: "dns"; readonly name: string }
  /** One of its IP addresses is in this range. */
  | { readonly kind: "ip"; readonly range: Cidr }
  /** Attributes that its subject has, all of them: `CN=alice`, as {@link parseDistinguishedName} gives them. */
  | { readonly kind: "subject"; readonly attributes: readonly string[] }
  /** SHA-256 of its public key (SubjectPublicKeyInfo, as in RFC 7469 section 2.4), base64. */
  | { readonly kind: "sha256"; readonly pin: string };

/** The CAs that a listener trusts about its clients, with their revocation lists. */
export interface ClientTrust {
  readonly ca: Authorities;
  /** When there are any, every CA of a client's chain must have one. Undefined: revocation is not checked. */
  readonly crl: RevocationLists | undefined;
}

/** How a listener verifies its clients' certificates. */
export interface ClientAuth {
  /** optional: a client may send no certificate, but a sent certificate must be good. */
  readonly mode: "optional" | "require";
  /** Undefined: a client is known by its key alone, which a rule of `allow` must pin. Its certificate may be anybody's. */
  readonly ca: Authorities | undefined;
  readonly crl: RevocationLists | undefined;
  /** One rule that fits is enough. Undefined: every certificate of the CAs is let in. */
  readonly allow: readonly ClientRule[] | undefined;
}
