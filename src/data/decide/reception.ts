import type { Chain, Protocol } from "../../model/chain.ts";
import { agreedProtocol } from "./alpn.ts";
import {
  type Chains,
  isChain,
  type NameRefusal,
  negotiated,
  nothingSaid,
  type Offer,
  offered,
} from "./chains.ts";
import { type Greeting, greet } from "./greeting.ts";
import type { Peer, RouteRequest } from "./router.ts";

/** The part of a listener that decides which chain serves a client. */
export interface ReceivingListener {
  readonly greeting: Greeting;
  readonly chains: Pick<Chains, "atHello" | "afterHandshake">;
  /** The application protocols of its TLS settings of this name, in its order. */
  alpnOf(settings: string): readonly string[];
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
  | { readonly kind: "refused"; readonly reason: "not_tls" | NameRefusal }
  | { readonly kind: "disagreed"; readonly reason: "no_application_protocol"; readonly settings: string }
  | {
      readonly kind: "terminated" | "passed_through" | "none";
      readonly reason: null;
      readonly chain: Chain;
      readonly asked: RouteRequests;
      /** The application protocol that was negotiated; empty: none. */
      readonly alpn: string;
      /** The TLS settings that it was terminated by. */
      readonly settings: string | undefined;
    };

/**
 * Header and hello are over: all that follows until a chain is chosen, as `Connection` goes through it.
 * @param protocol that the client speaks. @param offer what it says in its hello if that is TLS.
 */
export function receive(
  listener: ReceivingListener,
  protocol: Protocol,
  offer: Offer,
  peer: Peer,
): Reception {
  const greeted = greet(listener.greeting, protocol, offer);
  if (greeted === "not_tls") return { kind: "refused", reason: greeted };
  const { protocol: spoken, hello: read } = greeted;
  const course = listener.chains.atHello(spoken, read, peer);
  if (course === "unknown_name" || course === "no_certificate") return { kind: "refused", reason: course };
  const hello = read && offered(spoken, read, peer);
  if (!isChain(course)) return shakeHands(listener, course.settings, offer, { hello, peer });
  const passed = course.tls === "passthrough";
  const session = passed ? undefined : offered(spoken, nothingSaid, peer);
  return {
    kind: passed ? "passed_through" : "none",
    reason: null,
    chain: course,
    asked: { hello, session },
    alpn: "",
    settings: undefined,
  };
}

function shakeHands(
  { chains, alpnOf }: ReceivingListener,
  settings: string,
  { serverName, alpn: offers }: Offer,
  { hello, peer }: { readonly hello: RouteRequest | undefined; readonly peer: Peer },
): Reception {
  const alpn = agreedProtocol(alpnOf(settings), offers);
  if (alpn === undefined) return { kind: "disagreed", reason: "no_application_protocol", settings };
  const asked = { hello, session: negotiated(serverName, alpn, peer) };
  const chain = chains.afterHandshake(settings, serverName, alpn, peer);
  return { kind: "terminated", reason: null, chain, asked, alpn, settings };
}
