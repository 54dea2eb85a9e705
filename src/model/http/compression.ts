/** Content codings that umay can make (RFC 9110 section 8.4.1, RFC 7932, RFC 8878). */
export const codings = ["zstd", "br", "gzip"] as const;
export type Coding = (typeof codings)[number];

/** Which answers of backends are compressed on their way to clients. */
export interface Compression {
  /** In order of preference. */
  readonly codings: readonly Coding[];
  /** Media types in lower case; `text/*` stands for a whole kind, `+json` for all with that suffix. */
  readonly types: readonly string[];
  /** An answer that says that it is smaller is left alone; in bytes. */
  readonly minSize: number;
}
