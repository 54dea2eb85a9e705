/** Whom an allow-list lets in, by one property of the client's own certificate. */
export type ClientRule =
  /** Its SPIFFE ID; `/*` at the end stands for every path below. */
  | { readonly kind: "spiffe"; readonly id: string }
  /** One of its DNS names, lower case; `*.example.com` stands for every name below example.com. */
  | { readonly kind: "dns"; readonly name: string }
  /** Attributes that its subject has, all of them: `CN=alice`, as {@link parseDistinguishedName} gives them. */
  | { readonly kind: "subject"; readonly attributes: readonly string[] }
  /** SHA-256 of its public key (SubjectPublicKeyInfo, as in RFC 7469 section 2.4), base64. */
  | { readonly kind: "sha256"; readonly pin: string };

export interface ClientAuthority {
  readonly subject: string;
  /** In milliseconds since 1970. */
  readonly notAfter: number;
}

/** How a listener verifies its clients' certificates; everything has been read from disk. */
export interface ClientAuth {
  /** optional: a certificate that is sent must be good; none is fine. */
  readonly mode: "optional" | "require";
  readonly caFile: string;
  /** The trusted CAs, PEM. */
  readonly ca: string;
  readonly authorities: readonly ClientAuthority[];
  /** Undefined: revocation is not checked. */
  readonly crlFile: string | undefined;
  /** Revocation lists, one PEM block each; when there are any, every CA of a client's chain must have one. */
  readonly crls: readonly string[];
  /** When the first of them ends to be valid, in milliseconds since 1970; from then on clients are refused. */
  readonly crlNextUpdate: number | undefined;
  /** One rule is enough. Undefined: everyone whom a CA vouches for. */
  readonly allow: readonly ClientRule[] | undefined;
}
