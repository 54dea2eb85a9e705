import type { Cidr } from "../../lib/cidr.ts";
import type { TextTest, ValueMatch } from "./match.ts";

/** A condition on a request and its connection, made of others. */
export type Condition =
  /** Every request. */
  | { readonly kind: "any" }
  /** All of these hold, or one of them does. */
  | { readonly kind: "all" | "some"; readonly of: readonly Condition[] }
  | { readonly kind: "not"; readonly of: Condition }
  /** `:method`, `:path` with the query, `:authority` and `:scheme` are names of header fields here, too. */
  | { readonly kind: "header" | "query"; readonly match: ValueMatch }
  /** The path in normal form, without the query. */
  | { readonly kind: "path"; readonly test: TextTest }
  /**
   * An address. `client`: of the client as far as it is believed; `source`: of the connection, a PROXY header's where one
   * came; `peer`: of the other end of the connection itself; `local`: the one that it connected to.
   */
  | { readonly kind: "client" | "source" | "peer" | "local"; readonly ranges: readonly Cidr[] }
  /** The port that the peer connected to; both ends included. */
  | { readonly kind: "local-port"; readonly from: number; readonly to: number }
  /** The server name of the TLS handshake. */
  | { readonly kind: "server-name"; readonly test: TextTest }
  /**
   * The client has shown a certificate that was verified, and one of its names passes the test: of those that `of` says, else
   * of its URIs, else its DNS names, else its subject.
   */
  | {
      readonly kind: "certificate";
      readonly test: TextTest | undefined;
      readonly of?: "uri" | "dns" | "subject";
    }
  /** A browser says, by Origin or else Referer, that the page is of the host that is asked, or of one that passes a test. */
  | { readonly kind: "same-origin"; readonly others: readonly TextTest[] };

/** Every text test in a condition. */
export function* testsOf(condition: Condition): Generator<TextTest> {
  switch (condition.kind) {
    case "all":
    case "some":
      for (const each of condition.of) yield* testsOf(each);
      break;
    case "not":
      yield* testsOf(condition.of);
      break;
    case "header":
    case "query":
      if (condition.match.test.kind !== "present" && condition.match.test.kind !== "range")
        yield condition.match.test;
      break;
    case "path":
    case "server-name":
      yield condition.test;
      break;
    case "same-origin":
      yield* condition.others;
      break;
    case "certificate":
      if (condition.test !== undefined) yield condition.test;
  }
}
