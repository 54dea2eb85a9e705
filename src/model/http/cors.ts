import type { TextTest } from "./match.ts";

/** Which pages of other origins may use a route from a browser (Fetch Standard, "CORS protocol"). */
export interface Cors {
  /** Lower case: `https://app.example.com`; `https://*.example.com` for all below; `*` for any. At least one. */
  readonly origins: readonly string[];
  /** Further origins: those that pass one of these. */
  readonly originTests?: readonly TextTest[];
  /** `*`: any. */
  readonly methods: readonly string[];
  /** Fields that a page may send, in lower case; `*`: any. */
  readonly headers: readonly string[];
  /** Fields of answers that a page may read. */
  readonly expose: readonly string[];
  /** Whether browsers may send cookies and the like. */
  readonly credentials: boolean;
  /** How long browsers may remember what they were told, in milliseconds. */
  readonly maxAge: number;
}
