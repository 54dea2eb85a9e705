/*
 * Conditions on a request. Paths are in normal form and queries are as sent (RFC 3986); names of header fields are in
 * lower case. Regular expressions are RE2's: what they take grows with the text in proportion, whatever a client sends.
 */

/** How a text is compared. `exact`, `prefix`, `suffix` and `contains` take `value` to the letter, `regex` as RE2 syntax. */
export interface TextTest {
  readonly kind: "exact" | "prefix" | "suffix" | "contains" | "regex";
  readonly value: string;
  /** Letters of ASCII compare without their case. */
  readonly ignoreCase: boolean;
}

/** Whether there is a value at all, whichever. */
export interface PresenceTest {
  readonly kind: "present";
}

/** Whether a value is a whole number (of int64) in a range. */
export interface RangeTest {
  readonly kind: "range";
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

/** A condition on a header field or a key of the query. */
export interface ValueMatch {
  /** Of a header field in lower case; of a query key as it is after decoding, case counts. */
  readonly name: string;
  readonly test: TextTest | PresenceTest | RangeTest;
  /** The test must fail: so it holds, too, where there is no value and `missing` says nothing else. */
  readonly not: boolean;
  /** The condition is on the cookie of this name, of the field `cookie`. */
  readonly cookie?: string;
  /** Where there is no value, an empty one is tested, or the condition does not hold, also with `not`. */
  readonly missing?: "empty" | "fails";
}

/** The condition that tells gRPC from other requests. */
export const grpcContent: ValueMatch = {
  name: "content-type",
  test: { kind: "prefix", value: "application/grpc", ignoreCase: true },
  not: false,
};

/**
 * A condition on the path. `prefix` holds whole segments: `/api` takes `/api` and `/api/x`, not `/apis`. `text-prefix`
 * compares letters, as Envoy's `prefix` does. `regex` must take the whole path.
 */
export interface PathMatch {
  readonly kind: "exact" | "prefix" | "text-prefix" | "regex";
  /** In normal form; of `prefix` without a slash at its end, so that `/` is empty. */
  readonly value: string;
  readonly ignoreCase: boolean;
}

/** All of its conditions must hold; one that is undefined or empty always does. */
export interface RequestMatch {
  readonly path: PathMatch | undefined;
  /** As sent: case counts (RFC 9110 section 9.1). */
  readonly methods: readonly string[];
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  /** How many of a hundred requests that meet the other conditions are taken, by chance; undefined: all. */
  readonly percent?: number;
}

/** Whether it takes calls of gRPC and nothing else. */
export const takesCallsAlone = ({ headers }: RequestMatch): boolean =>
  headers.some(
    ({ name, test, not }) =>
      name === grpcContent.name &&
      !not &&
      (test.kind === "prefix" || test.kind === "exact") &&
      test.value.toLowerCase().startsWith("application/grpc"),
  );
