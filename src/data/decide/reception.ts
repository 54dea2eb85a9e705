import type { Chain, Protocol } from "../../model/chain.ts";
import { agreedProtocol } from "./alpn.ts";
import { type Chains, negotiated, nothingSaid, type Offer, offered } from "./chains.ts";
import { type Greeting, greet } from "./greeting.ts";
import type { RouteRequest } from "./router.ts";

/** The part of a listener that decides which chain serves a client. */
export interface ReceivingListener {
  readonly greeting: Greeting;
  readonly chains: Pick<Chains, "atHello" | "afterHandshake">;
  /** The application protocols of its TLS, in its order; empty without TLS. */
  readonly alpn: readonly string[];
}

/** The questions to chains that pass TLS through, and to the others. */
export interface RouteRequests {
  /** Undefined: the hello was not read. */
  readonly hello: RouteRequest | undefined;
  /** Undefined: TLS is passed through, by what the hello says. */
  readonly session: RouteRequest | undefined;
}

/** The way of an admitted client until a chain serves it. */
export type Reception =
  | { readonly kind: "refused"; readonly reason: "not_tls" | "unknown_name" }
  | { readonly kind: "disagreed"; readonly reason: "no_application_protocol" }
  | {
      readonly kind: "terminated" | "passed_through" | "none";
      readonly reason: null;
      readonly chain: Chain;
      readonly asked: RouteRequests;
      /** The application protocol that was negotiated; empty: none. */
      readonly alpn: string;
    };

/**
 * Header and hello are over: all that follows until a chain is chosen, as `Connection` goes through it.
 * @param protocol that the client speaks. @param offer what it says in its hello if that is TLS.
 */
export function receive(listener: ReceivingListener, protocol: Protocol, offer: Offer): Reception {
  const greeted = greet(listener.greeting, protocol, offer);
  if (greeted === "not_tls") return { kind: "refused", reason: greeted };
  const { protocol: spoken, hello: read } = greeted;
  const course = listener.chains.atHello(spoken, read);
  if (course === "unknown_name") return { kind: "refused", reason: course };
  const hello = read && offered(spoken, read);
  if (course === "terminate") return shakeHands(listener, offer, hello);
  if (course.tls === "passthrough")
    return chosen("passed_through", course, { hello, session: undefined }, "");
  return chosen("none", course, { hello, session: offered(spoken, nothingSaid) }, "");
}

function shakeHands(
  { chains, alpn: known }: ReceivingListener,
  { serverName, alpn: offers }: Offer,
  hello: RouteRequest | undefined,
): Reception {
  const alpn = agreedProtocol(known, offers);
  if (alpn === undefined) return { kind: "disagreed", reason: "no_application_protocol" };
  const asked = { hello, session: negotiated(serverName, alpn) };
  return chosen("terminated", chains.afterHandshake(serverName, alpn), asked, alpn);
}

function chosen(
  kind: "terminated" | "passed_through" | "none",
  chain: Chain,
  asked: RouteRequests,
  alpn: string,
): Reception {
  return { kind, reason: null, chain, asked, alpn };
}
