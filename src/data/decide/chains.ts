import type { Chain, Protocol } from "../../model/chain.ts";
import { type Peer, type RouteRequest, Router } from "./router.ts";

/** A client's offer in its hello. */
export type Offer = Pick<RouteRequest, "serverName" | "alpn">;

/** The offer of a client whose names are not looked at. */
export const nothingSaid: Offer = { serverName: "", alpn: [] };

/** TLS that is terminated before it is known which chain serves the client. */
export interface Terminate {
  /** The name of the listener's TLS settings. */
  readonly settings: string;
}

/** The outcome of a handshake. */
export interface Negotiated {
  /** The name of the TLS settings. */
  readonly settings: string;
  /** Lower case; empty without one. */
  readonly serverName: string;
  /** Empty: nothing was agreed on. */
  readonly alpn: string;
}

/** Why a name is refused: no certificate covers it, or the one that umay gets itself is not there yet. */
export type NameRefusal = "unknown_name" | "no_certificate";

/** The way of a client after its first bytes: the chain that serves it, TLS that is terminated before that is known, or a refusal. */
export type Course = Chain | Terminate | NameRefusal;

export const isChain = (course: Exclude<Course, string>): course is Chain => "serve" in course;

/** Why TLS is not terminated for a name, by the settings' name; undefined: it is. */
export type Refuses = (settings: string, serverName: string) => NameRefusal | undefined;

/** The chains of a listener, as its connections choose among them: once at the first bytes, and after a handshake again. */
export class Chains {
  readonly #all: Router;
  readonly #plain: Router;
  /** By TLS settings: the chains that terminate it so, and the last of them. */
  readonly #terminating = new Map<string, { readonly router: Router; readonly last: Chain }>();
  /** Those of each settings: made once, not for every connection. */
  readonly #terminate = new Map<string, Terminate>();
  /** Of the first chain that terminates TLS. */
  readonly #first: Terminate | undefined;
  readonly #refuses: Refuses;
  /** Whether any of them asks for the port that a client connected to. */
  readonly looksAtPort: boolean;
  /** Whether any of them asks for the address that a client connected to, or for the client's own port. */
  readonly looksAtEnds: boolean;
  readonly #looksAtNames: boolean;

  /** @param refuses is asked for each name. */
  constructor(chains: readonly Chain[], refuses: Refuses = () => undefined) {
    this.#all = new Router(chains);
    this.#plain = new Router(chains.filter(({ tls }) => tls === undefined));
    const terminating = Map.groupBy(
      chains.filter(({ tls }) => tls === "terminate"),
      ({ settings }) => settings!,
    );
    for (const [settings, own] of terminating) {
      this.#terminating.set(settings, { router: new Router(own), last: own.at(-1)! });
      this.#terminate.set(settings, { settings });
    }
    this.#first = this.#terminate.values().next().value;
    this.#refuses = refuses;
    this.looksAtPort = chains.some(({ match }) => match.port.length > 0);
    this.looksAtEnds = chains.some(
      ({ match: { to, fromPort, origin } }) => (to ?? fromPort ?? origin) !== undefined,
    );
    this.#looksAtNames = chains.some(({ match }) => match.sni.length > 0);
  }

  /** The names of the TLS settings that are used. */
  get settings(): Iterable<string> {
    return this.#terminate.keys();
  }

  /**
   * By the first bytes: a chain that passes TLS through, or one for which nothing is known but the protocol and the peer.
   * @param hello where the client speaks TLS and hellos are read.
   */
  atHello(protocol: Protocol, hello: Offer | undefined, peer: Peer): Course {
    const chain = hello && this.#all.find(offered(protocol, hello, peer));
    if (chain?.tls === "passthrough") return chain;
    if (protocol !== "tls" || this.#first === undefined)
      return this.#plain.find(offered(protocol, nothingSaid, peer))!;
    const terminate = (chain && this.#terminate.get(chain.settings ?? "")) ?? this.#first;
    return (hello && this.#refuses(terminate.settings, hello.serverName)) ?? terminate;
  }

  /**
   * Whether another name would have led elsewhere: to TLS that is passed through, to other settings, or to a chain that does
   * something else.
   */
  tellsApart({ settings, serverName, alpn }: Negotiated, name: string, peer: Peer): boolean {
    if (!this.#looksAtNames) return false;
    const course = this.atHello("tls", { serverName: name, alpn: alpn === "" ? [] : [alpn] }, peer);
    if (typeof course === "string") return false;
    // Nobody is better off on a connection that is refused.
    if (isChain(course)) return course.serve.kind !== "refuse";
    if (course.settings !== settings) return true;
    const [{ serve: own }, { serve: other }] = [serverName, name].map((each) =>
      this.afterHandshake(settings, each, alpn, peer),
    ) as [Chain, Chain];
    return own !== other && !(own.kind === "http" && other.kind === "http" && own.routes === other.routes);
  }

  /** By what was negotiated. @param alpn empty: nothing was. */
  afterHandshake(settings: string, serverName: string, alpn: string, peer: Peer): Chain {
    const { router, last } = this.#terminating.get(settings)!;
    return router.find(negotiated(serverName, alpn, peer)) ?? last;
  }
}

/** The question to the chains at the first bytes. */
export function offered(protocol: Protocol, { serverName, alpn }: Offer, peer: Peer): RouteRequest {
  return { serverName, alpn, protocol, ...peer };
}

/** The question to the chains after the handshake. */
export function negotiated(serverName: string, alpn: string, peer: Peer): RouteRequest {
  return offered("tls", { serverName, alpn: alpn === "" ? [] : [alpn] }, peer);
}
