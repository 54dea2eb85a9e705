/**
 * Material of listeners and pools: certificates, CAs, revocation lists, ticket keys. Each has its source, which is used
 * to renew it and to name it in the log. Another kind of source needs no other model.
 */

/** A file, by its absolute path; or content that a provider has itself. */
export interface FileSource {
  readonly kind: "file";
  /** With `given`, only a name for people. */
  readonly file: string;
  /** The content, which then is no file's: nothing is watched. */
  readonly given?: string;
}

/** A certificate's file and its key's, by their absolute paths; or the content of both. */
export interface PairSource {
  readonly kind: "file";
  /** With `given`, only a name for people. */
  readonly cert: string;
  readonly key: string;
  /** As in {@link FileSource}. */
  readonly given?: { readonly cert: string; readonly key: string };
}

/** A certificate chain with its key, checked to belong together. */
export interface Certificate {
  readonly source: PairSource;
  /** The chain, leaf first, PEM. */
  readonly cert: string;
  readonly key: string;
  /** The leaf's subject, in one line. */
  readonly subject: string;
  /** The type of the leaf's key, as Node names it: `ec`, `rsa`, `ed25519`. */
  readonly keyType: string;
  /** Names that the leaf covers, lower case; a wildcard as `*.example.com`. */
  readonly names: readonly string[];
  /** IP addresses that the leaf covers, in their usual spelling; undefined: none. */
  readonly addresses?: readonly string[];
  /** When the leaf expires, in milliseconds since 1970. */
  readonly notAfter: number;
}

/** A CA that is trusted. */
export interface Authority {
  readonly subject: string;
  /** In milliseconds since 1970. */
  readonly notAfter: number;
}

/** CAs that may sign certificates of peers. */
export interface Authorities {
  readonly source: FileSource;
  /** PEM, one block after the other. */
  readonly pem: string;
  /** In the order of the PEM blocks. */
  readonly members: readonly Authority[];
}

/** Revocation lists (RFC 5280 section 5), at least one. */
export interface RevocationLists {
  readonly source: FileSource;
  /** PEM, one block each. */
  readonly pems: readonly string[];
  /** The end of the list that ends first, in milliseconds since 1970; undefined: never. */
  readonly nextUpdate: number | undefined;
}

/** A key that encrypts session tickets. */
export interface TicketKeys {
  readonly source: FileSource;
  /** 48 bytes, as Node's `ticketKeys` has them. */
  readonly bytes: Uint8Array;
}
